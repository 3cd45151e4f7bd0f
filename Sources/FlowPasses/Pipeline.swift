import FlowIR

/// The ordered lists of passes.
public enum Pipeline {
  /// All passes by name.
  public static let all: [Pass] = [
    simplify, commonSubexpressions, deadCode, hoistUniform, hoistInvariants, foldMasks,
    sinkTakes, splitLayers, narrowLayers, lateFactors, recompute,
    compactParameters, splitItems, directLogSums, tailSums, unrollQuadratures,
  ]

  /// What every function goes through before it is lowered or differentiated.
  public static let standard: [Pass] = [
    simplify, commonSubexpressions, deadCode, sinkTakes, hoistUniform, foldMasks, splitLayers,
    narrowLayers, simplify, hoistInvariants, commonSubexpressions, deadCode,
  ]

  /// What a function goes through that is lowered as it is, without being differentiated.
  public static let forward: [Pass] =
    standard
    + [
      directLogSums, tailSums, unrollQuadratures, splitItems, simplify, hoistInvariants,
      commonSubexpressions, deadCode,
    ]

  /// What a function goes through after differentiation: the masks have been folded before. A second derivative is
  /// taken before it, since the size of a number, which `tailSums` takes, has no derivative at 0.
  public static let cleanup: [Pass] = [
    deadCode, lateFactors, narrowLayers, tailSums, unrollQuadratures, simplify, hoistInvariants,
    commonSubexpressions, deadCode, recompute,
  ]

  /// Runs passes in order, as far as the budget allows; `observe` is told each pass and the function
  /// after it.
  ///
  /// - Throws: `TypeError` if a pass is wrong for the function.
  public static func run(
    _ passes: [Pass], on function: Function, budget: RewriteBudget = RewriteBudget(),
    observe: (Pass, Function) -> Void = { _, _ in }
  ) throws(TypeError) -> Function {
    var function = function
    for pass in passes {
      function = try pass(function, budget: budget)
      assert(
        problem(in: function) == nil, "\(pass.name): \(problem(in: function) ?? "")")
      observe(pass, function)
    }
    return function
  }

  /// What the verifier finds wrong; asked after every pass in debug builds.
  private static func problem(in function: Function) -> String? {
    do {
      try function.verify()
      return nil
    } catch {
      return "\(error)"
    }
  }

  /// The pass with a name.
  public static func pass(named name: String) -> Pass? { all.first { $0.name == name } }
}
