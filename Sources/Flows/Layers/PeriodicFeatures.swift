/// Replaces some of its inputs by `a sin(s x) + b cos(s x)`, functions on a circle, before a network of
/// normflows; the others pass unchanged.
public struct PeriodicFeatures: Layer {
  private let indices: [Int]
  private let rest: [Int]
  private let weights: Parameter
  private let scale: Parameter

  /// Registers the parameter `weights` [N, 2] of the inputs at N indices, and the buffer `scale` [N].
  public init(_ inputs: Int, indices: [Int], in scope: ModuleScope) {
    self.indices = indices
    rest = (0..<inputs).filter { !indices.contains($0) }
    weights = scope.parameter("weights", [indices.count, 2], initializer: .ones)
    scale = scope.buffer("scale", [indices.count], initializer: .ones)
  }

  /// The inputs along the last axis with functions in place of some.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let angle = x.gather(indices) * scale.tensor
    func weight(_ column: Int) -> Tensor {
      weights.tensor.slice(column, column + 1, axis: 1).reshaped([indices.count])
    }
    let turned = weight(0) * sin(angle) + weight(1) * cos(angle)
    let joined = indices + rest
    let order = joined.indices.sorted { joined[$0] < joined[$1] }
    let all = rest.isEmpty ? turned : Tensor.concatenate([turned, x.gather(rest)])
    return all.gather(order)
  }
}
