import FlowIR

extension GroupPrinter {
  func place(shape: [Int], minimum: Int, reversed: Int?) -> Int {
    var minimum = minimum
    if part == .guarded, let condition = group.guarded?.condition, let local = locals[condition] {
      minimum = max(minimum, local.segment + 1)
      _ = arrayElement(condition, "0")
    }
    for index in segments.indices where index >= minimum {
      let segment = segments[index]
      guard segment.shape == shape && segment.part == part else { continue }
      if let reversed {
        if segment.reversed == reversed { return index }
      } else {
        return index
      }
    }
    let segment = Segment(shape: shape, part: part)
    segment.reversed = reversed
    segments.append(segment)
    return segments.count - 1
  }

  /// The first segment in which a read may stand, for an operation over `shape`.
  func minimumSegment(_ read: Read, shape: [Int]) -> Int {
    switch read {
    case .text: return 0
    case .assembled(_, let segment, _, _): return segment + 1
    case .local(let value, let map, let readShape, let loops):
      guard let local = locals[value] else {
        preconditionFailure("value \(value.id) is read before it is computed")
      }
      let same =
        local.isDirect && local.shape == shape && isIdentity(map, readShape)
        && loops.count == shape.count
      return same ? local.segment : local.segment + 1
    }
  }

  func isIdentity(_ map: IndexMap, _ shape: [Int]) -> Bool {
    guard case .affine(0, let found) = map else { return false }
    return zip(zip(found, strides(of: shape)), shape).allSatisfy { $0.0 == $0.1 || $1 == 1 }
  }

  func render(_ read: Read, segment: Int, shape: [Int]) -> String {
    switch read {
    case .text(let text): return text
    case .assembled(let operand, _, let readShape, let loops):
      return "w\(number(of: operand))[\(affine(0, strides(of: readShape), loops))]"
    case .local(let value, let map, let readShape, let loops):
      if let local = locals[value], local.segment == segment,
        minimumSegment(read, shape: shape) == segment, local.isDirect
      {
        return "v\(number(of: value))"
      }
      return arrayElement(value, text(map, shape: readShape, loops: loops))
    }
  }
}
