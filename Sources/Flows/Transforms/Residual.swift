import FlowIR

/// `f(x) = x + g(x)` with a contraction `g`, whose Lipschitz constant is below 1 (Behrmann et al., "Invertible
/// Residual Networks", 2019, arXiv:1811.00995; Chen et al., "Residual Flows", 2019, arXiv:1906.02735).
///
/// The log-determinant is exact: that of `I + dg/dx`, by elimination. Since `g` contracts, the matrix has a positive
/// definite symmetric part, and elimination needs no pivots.
///
/// The inverse follows the solution of `x + t g(x) = y` from `x = y` at `t = 0` to `t = 1`, a path that always exists,
/// and ends with steps of Newton's method, which give all digits. Fixed-point iteration would need hundreds of
/// evaluations where the constant is near 1.
public struct ResidualTransform: Transform {
  /// The value of `g` at a vector [D], and its Jacobian [D, D], entry [i, j] for element i of the value and j of the
  /// vector.
  public typealias Contraction = (_ x: Tensor) -> (value: Tensor, jacobian: Tensor)

  private let contraction: Contraction

  /// Makes the transform from a contraction and its Jacobian.
  public init(contraction: @escaping Contraction) { self.contraction = contraction }

  /// Makes the transform from a contraction alone; it is differentiated once for each feature.
  public init(g: @escaping (Tensor) -> Tensor) {
    self.init { x in x.valueAndJacobian(of: g) }
  }

  /// `x + g(x)`; `log det(I + dg/dx)`.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let (value, jacobian) = contraction(x)
    return (x + value, Elimination(jacobian.plusIdentity()).logDeterminant)
  }

  /// The solution of `x + g(x) = y`; the negative log-determinant there.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let trace = y.trace
    var x = Tensor.solve(
      [y], from: trace.constant(0), to: trace.constant(1),
      control: ODEControl(atol: 1e-4, rtol: 1e-4)
    ) { t, states in
      let (value, jacobian) = contraction(states[0])
      return [-Elimination((jacobian * t).plusIdentity(), value).solution]
    }[0]
    // Each step squares the error, which is below 1e-3.
    for _ in 0..<(trace.dtype == .f64 ? 3 : 2) {
      let (value, jacobian) = contraction(x)
      x = x - Elimination(jacobian.plusIdentity(), x + value - y).solution
    }
    return (x, -Elimination(contraction(x).jacobian.plusIdentity()).logDeterminant)
  }
}

extension Tensor {
  /// A square matrix plus the identity.
  fileprivate func plusIdentity() -> Tensor {
    let size = shape[0]
    return self
      + trace.constant(
        (0..<size * size).map { $0 % (size + 1) == 0 ? 1.0 : 0 }, shape: [size, size])
  }
}

/// Elimination without pivots, of a matrix for each row whose symmetric part is positive definite.
private struct Elimination {
  let logDeterminant: Tensor
  /// The solution of `A x = b`; `b` itself if there was none.
  let solution: Tensor

  init(_ matrix: Tensor, _ b: Tensor? = nil) {
    let size = matrix.shape[0]
    var (rest, right) = (matrix, b)
    var pivots: [Tensor] = []
    var rows: [(row: Tensor?, right: Tensor?)] = []
    for step in 0..<size {
      let left = size - step
      let pivot = rest.slice(0, 1, axis: 0).slice(0, 1).reshaped([])
      pivots.append(pivot)
      let first = right?.slice(0, 1)
      guard left > 1 else {
        rows.append((nil, first))
        break
      }
      let row = rest.slice(0, 1, axis: 0).slice(1, left)
      let factors = rest.slice(1, left, axis: 0).slice(0, 1) / pivot
      rows.append((row, first))
      rest = rest.slice(1, left, axis: 0).slice(1, left) - factors * row
      if let known = right, let first {
        right = known.slice(1, left) - factors.reshaped([left - 1]) * first
      }
    }
    logDeterminant = log(Tensor.concatenate(pivots.map { $0.reshaped([1]) })).sum(axis: 0)
    var solved: Tensor?
    for (step, pivot) in zip(rows, pivots).reversed() {
      guard var value = step.right else { break }
      if let row = step.row, let known = solved {
        value = value - (row.reshaped(known.shape) * known).sum(axis: 0).reshaped([1])
      }
      value = value / pivot
      solved = solved.map { Tensor.concatenate([value, $0]) } ?? value
    }
    solution = solved ?? matrix
  }
}
