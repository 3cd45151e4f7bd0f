/// Arithmetic on sizes that cannot overflow.
///
/// A size that no integer holds counts as the largest one, so that a comparison with a limit is
/// enough to refuse it.
public enum Size {
  /// The largest number of elements that a value may have, in one row.
  public static let maximumElements = 1 << 28

  /// The product of sizes of 0 or more.
  public static func product(_ factors: some Sequence<Int>) -> Int {
    var result = 1
    for factor in factors {
      let (product, overflow) = result.multipliedReportingOverflow(by: factor)
      result = overflow ? .max : product
    }
    return result
  }

  /// The sum of sizes of 0 or more.
  public static func sum(_ terms: some Sequence<Int>) -> Int {
    var result = 0
    for term in terms {
      let (sum, overflow) = result.addingReportingOverflow(term)
      result = overflow ? .max : sum
    }
    return result
  }
}
