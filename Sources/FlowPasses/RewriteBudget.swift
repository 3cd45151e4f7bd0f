/// How many more changes passes may make, so that a fault in one of them is found by halving.
///
/// Every optional change asks first: a rewrite, an expression computed once, an operation removed,
/// hoisted or sorted. When the budget is spent, passes copy the rest as it is.
public final class RewriteBudget {
  /// How many changes are left.
  public private(set) var remaining: Int

  /// Makes a budget; without a limit it is never spent.
  public init(limit: Int = .max) { remaining = limit }

  /// Whether no change may be made any more.
  public var isSpent: Bool { remaining <= 0 }

  /// Takes one change from the budget; false if it is spent.
  public func take() -> Bool {
    if isSpent { return false }
    remaining -= 1
    return true
  }
}
