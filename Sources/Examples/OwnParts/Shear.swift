import Flows

/// A lazy transform of one's own: the second half of the features is moved by a network of the first
/// half and the context, and the first half is scaled by parameters.
struct Shear: LazyTransform {
  private let network: GatedNetwork
  private let logScale: Parameter
  private let features: Int
  private let half: Int

  init(features: Int, context: Int, in scope: ModuleScope) {
    half = features / 2
    network = GatedNetwork(half + context, features - half, in: scope.child("network"))
    logScale = scope.parameter("log_scale", [half], initializer: .zeros)
    self.features = features
  }

  func callAsFunction(_ context: Tensor?) -> any Transform {
    Sheared(logScale: logScale.tensor, half: half, features: features) { a in
      network(context.map { Tensor.concatenate([a, $0]) } ?? a)
    }
  }

  /// The transform for a context. Its log-determinant is one number for a vector.
  private struct Sheared: Transform {
    let logScale: Tensor
    let half: Int
    let features: Int
    let shift: (Tensor) -> Tensor

    func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
      let (a, b) = (x.slice(0, half), x.slice(half, features))
      return (Tensor.concatenate([a * exp(logScale), b + shift(a)]), logScale.sum(axis: 0))
    }

    func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
      let a = y.slice(0, half) * exp(-logScale)
      return (Tensor.concatenate([a, y.slice(half, features) - shift(a)]), -logScale.sum(axis: 0))
    }
  }
}
