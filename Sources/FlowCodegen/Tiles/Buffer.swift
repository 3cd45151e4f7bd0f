import FlowIR

/// A place in a thread's scratch memory that holds the elements of a row value for one tile.
final class Buffer {
  let id: Int
  let elements: Int
  let name: String
  /// Another buffer whose memory this one shares.
  var alias: Buffer?
  /// The offset in scratch memory, in tile elements; set by the scratch plan.
  var offset = 0
  /// The first and last node that touch it; set by the scratch plan.
  var live: ClosedRange<Int>?

  init(id: Int, elements: Int, name: String) {
    self.id = id
    self.elements = elements
    self.name = name
  }

  /// The buffer that owns the memory.
  var root: Buffer { alias?.root ?? self }
}

/// Where an element of a view comes from: an element of a value that is no view, or a constant.
struct ElementRef: Hashable {
  /// The value, or nil for a constant.
  var source: Value?
  /// The flat index in the source.
  var index: Int
  /// The constant, if there is no source.
  var constant: Double

  static func element(_ source: Value, _ index: Int) -> ElementRef {
    ElementRef(source: source, index: index, constant: 0)
  }

  static func constant(_ value: Double) -> ElementRef {
    ElementRef(source: nil, index: 0, constant: value)
  }
}

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
