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
}
