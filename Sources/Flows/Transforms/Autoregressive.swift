import FlowIR

/// `y_i = f(x_i | x_<i)`: the transform's parameters depend on earlier features.
public struct AutoregressiveTransform: Transform {
  let meta: (Tensor) -> any Transform
  let passes: Int

  /// Makes the transform; `meta` gives the element-wise transform for given features, `passes` is
  /// how often the inverse must apply it.
  public init(passes: Int, _ meta: @escaping (Tensor) -> any Transform) {
    self.meta = meta
    self.passes = passes
  }

  /// The transform that `meta` gives for `x`, at `x`.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { meta(x).callAndLadj(x) }

  /// The inverse is the fixed point of `x ↦ f⁻¹(y | x)`; its log-determinant comes along.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    Tensor.autoregressiveInverse(y.type.with(hasRows: true), passes: passes, in: y.trace) {
      meta($0).inverseAndLadj(y)
    }
  }
}

/// `y_a = x_a`, `y_b = f(x_b | x_a)`.
public struct CouplingTransform: Transform {
  let constant: [Int]
  let transformed: [Int]
  let meta: (Tensor) -> any Transform

  /// Makes the transform; features where the mask is set stay as they are.
  public init(mask: [Bool], _ meta: @escaping (Tensor) -> any Transform) {
    constant = mask.indices.filter { mask[$0] }
    transformed = mask.indices.filter { !mask[$0] }
    self.meta = meta
  }

  /// The constant features as they are, the others by the transform that `meta` gives for them.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let a = x.gather(constant)
    let (b, ladj) = meta(a).callAndLadj(x.gather(transformed))
    return (merge(a, b), ladj)
  }

  /// The constant features as they are, the others by the inverse of the transform that `meta`
  /// gives for them.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let a = y.gather(constant)
    let (b, ladj) = meta(a).inverseAndLadj(y.gather(transformed))
    return (merge(a, b), ladj)
  }

  private func merge(_ a: Tensor, _ b: Tensor) -> Tensor {
    let joined = constant + transformed
    let order = joined.indices.sorted { joined[$0] < joined[$1] }
    return Tensor.concatenate([a, b]).gather(order)
  }
}
