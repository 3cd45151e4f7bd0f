/// A number of elements; arithmetic on sizes from outside saturates instead of overflowing.
struct Size: Comparable, ExpressibleByIntegerLiteral {
  /// The number; `Int.max` for anything that is too large.
  let count: Int

  init(_ count: Int) { self.count = count }
  init(integerLiteral value: Int) { count = value }

  static func + (a: Size, b: Size) -> Size {
    let (sum, overflows) = a.count.addingReportingOverflow(b.count)
    return Size(overflows ? .max : sum)
  }

  static func * (a: Size, b: Size) -> Size {
    let (product, overflows) = a.count.multipliedReportingOverflow(by: b.count)
    return Size(overflows ? .max : product)
  }

  static func < (a: Size, b: Size) -> Bool { a.count < b.count }
}

/// The elements that the tensors of a model which comes from no file may have.
///
/// A model that is loaded needs no budget: each tensor must be in the file, in its shape.
struct SizeBudget {
  /// The number of elements, masks included, that a model may have.
  static let maximum = 1 << 28

  private var used: Size = 0

  /// Subtracts elements from the budget.
  ///
  /// - Throws: `FlowError.tooLarge` if they do not fit.
  mutating func charge(_ size: Size, for name: String) throws(FlowError) {
    used = used + size
    guard used <= Size(Self.maximum) else {
      throw .tooLarge(name: name, elements: used.count, limit: Self.maximum)
    }
  }
}
