/// The statistics that normalising layers find in the rows of a call, while a function is recorded: `LazyBatchNorm`
/// reads them in place of its running ones, and `LazyActNorm` takes its first values from them.
final class BatchStatistics {
  /// How much each row counts, a row scalar; nil if all count alike.
  private let weights: Tensor?
  /// The parameters of layers that take their values from the rows.
  private let unset: Set<String>
  /// The tensors that were found, in the order of the layers: each is the parameter's or the buffer's value.
  private(set) var found: [(parameter: Parameter, value: Tensor)] = []

  init(weights: Tensor? = nil, unset: Set<String> = []) {
    self.weights = weights
    self.unset = unset
  }

  /// Whether a layer takes the values of a parameter from the rows.
  func isUnset(_ parameter: Parameter) -> Bool { unset.contains(parameter.name) }

  /// Notes the value of a parameter or buffer.
  func note(_ parameter: Parameter, _ value: Tensor) {
    guard !found.contains(where: { $0.parameter == parameter }) else { return }
    found.append((parameter, value))
  }

  /// The mean and the variance (the mean of the squared differences) of each feature, [D], over the rows in which
  /// it is finite.
  func moments(_ x: Tensor) -> (mean: Tensor, variance: Tensor) {
    let isKnown = isFinite(x)
    let one = x.like(1)
    let weight = weights.map { $0.reshaped([1]).broadcast(to: x.shape) } ?? one
    let counted = select(isKnown, weight, x.like(0))
    func total(_ value: Tensor) -> Tensor { x.trace.emit(.rowSum, [value]) }
    let count = maximum(total(counted), 1e-30)
    let known = select(isKnown, x, x.like(0))
    let mean = total(known * counted) / count
    let variance = total(square(known - mean) * counted) / count
    return (mean, variance)
  }
}
