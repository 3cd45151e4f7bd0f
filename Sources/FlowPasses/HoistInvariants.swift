import FlowIR

/// Computes whatever does not change between the evaluations of a region once, before its operation.
///
///     %y = ode_solve %a, %b, %x … (%t, %s) {        %h = linear %c, %w : rows x 8 x f32
///       %h = linear %c, %w : rows x 8 x f32     →   %y = ode_solve %a, %b, %x … (%t, %s) {
///       …                                             …
///
/// Sums over rows stay where they are.
public let hoistInvariants = Pass(
  name: "hoist-invariants", summary: "computes what a region need not repeat before its operation"
) { function, budget throws(TypeError) in
  var result = function
  result.operations = hoisted(function.operations, budget)
  return result
}

private func hoisted(_ operations: [TensorOperation], _ budget: RewriteBudget) -> [TensorOperation]
{
  operations.flatMap { operation -> [TensorOperation] in
    var before: [TensorOperation] = []
    let changed = operation.replacingRegionOperations { region in
      var varying = Set(region.arguments)
      var kept: [TensorOperation] = []
      for inner in hoisted(region.operations, budget) {
        if inner.sumsRows || inner.inputs.contains(where: varying.contains) || !budget.take() {
          varying.formUnion(inner.results)
          kept.append(inner)
        } else {
          before.append(inner)
        }
      }
      return kept
    }
    return before + [changed]
  }
}
