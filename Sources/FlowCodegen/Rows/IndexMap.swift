/// A flat index into a source as a function of loop indices: affine, or through a table.
enum IndexMap: Hashable {
  case affine(base: Int, strides: [Int])
  case table([Int])

  /// The map for indices listed in row-major order of `shape`.
  init(_ indices: [Int], shape: [Int]) {
    var strides = [Int](repeating: 0, count: shape.count)
    var step = 1
    for axis in shape.indices.reversed() {
      if shape[axis] > 1 { strides[axis] = indices[step] - indices[0] }
      step *= shape[axis]
    }
    var counter = [Int](repeating: 0, count: shape.count)
    var expected = indices.first ?? 0
    for index in indices {
      guard index == expected else {
        self = .table(indices)
        return
      }
      var axis = shape.count - 1
      while axis >= 0 {
        counter[axis] += 1
        expected += strides[axis]
        if counter[axis] < shape[axis] { break }
        expected -= strides[axis] * shape[axis]
        counter[axis] = 0
        axis -= 1
      }
    }
    self = .affine(base: indices.first ?? 0, strides: strides)
  }

  /// The shape, of at most four axes, in whose row-major order a list of indices is affine, with the list's base and
  /// its strides along the axes; nil if there is none.
  static func loops(of indices: [Int]) -> (shape: [Int], base: Int, strides: [Int])? {
    var shape: [Int] = []
    var rest = indices
    while rest.count > 1 {
      let stride = rest[1] - rest[0]
      let run = 1 + zip(rest, rest.dropFirst()).prefix { $1 - $0 == stride }.count
      guard run > 1, rest.count.isMultiple(of: run), shape.count < 4 else { return nil }
      shape.insert(run, at: 0)
      rest = Swift.stride(from: 0, to: rest.count, by: run).map { rest[$0] }
    }
    guard case .affine(let base, let strides) = IndexMap(indices, shape: shape) else { return nil }
    return (shape, base, strides)
  }
}
