/// What an operation does: the closed table of the intermediate representation.
///
/// Every facet of an operation (facts, type rule, interpreter, derivative, lowering, text) is an
/// exhaustive `switch` over this enumeration without `default`, so that a new operation does not
/// compile until it is complete. `Traits` holds the facts that other modules read. `IR/spec.md` gives
/// the semantics and constraints of each.
///
/// Pointwise operations take operands of equal shape; a uniform operand beside a row operand
/// stands for the same value in every row. The result of an operation is a row value if any
/// operand is, unless stated otherwise.
public enum Opcode: Hashable, Sendable {
  /// `() -> literal.type`: a constant.
  case constant(Literal)
  /// `(a) -> a.shape`: a pointwise function.
  case unary(UnaryOperator)
  /// `(a, b) -> a.shape`: a pointwise function of two operands.
  case binary(BinaryOperator)
  /// `(a, b) -> a.shape x bool`: a pointwise comparison.
  case compare(Comparison)
  /// `(condition, a, b) -> a.shape`: `a` where the condition holds, else `b`.
  case select
  /// `(a) -> a.shape x dtype`: conversion; bool to number gives 0 or 1, float to i32 truncates.
  case convert(DType)
  /// `(a) -> a.shape without axis`: combines the elements along an axis, in order.
  case reduce(Reduction, axis: Int)
  /// `(a) -> a.shape`: running sums along an axis, inclusive; from the end if `reverse`.
  case cumulativeSum(axis: Int, reverse: Bool)
  /// `(sorted, x) -> x.shape x i32`: how many elements along the last axis are below `x`.
  case search
  /// `(a, index: i32) -> index.shape`: the element of the last axis of `a` at `index`, clamped to
  /// the axis.
  case take
  /// `(a) -> shape`: the same elements, row-major.
  case reshape([Int])
  /// `(a) -> shape`: repeats dimensions of extent 1 and missing leading ones, aligned right.
  case broadcast([Int])
  /// `(a) -> permuted shape`: result dimension `i` is dimension `permutation[i]` of `a`.
  case transpose([Int])
  /// `(a) -> shape with end - start at axis`: a contiguous part.
  case slice(axis: Int, start: Int, end: Int)
  /// `(a, b, …) -> shape with the sum of extents at axis`.
  case concatenate(axis: Int)
  /// `(a) -> shape with low more elements before and high more after along axis`, all `value`.
  case pad(axis: Int, low: Int, high: Int, value: Double)
  /// `(a) -> shape with indices.count at axis`: element `i` is element `indices[i]` of `a`.
  case gather(axis: Int, indices: [Int])
  /// `(a) -> shape with size at axis`: element `indices[i]` gains element `i` of `a`; the adjoint
  /// of `gather`.
  case scatterAdd(axis: Int, indices: [Int], size: Int)
  /// `(x: … x in, weight: out x in, [bias: out]) -> … x out`: `x Wᵀ + b`, entries of `W` outside
  /// the mask counting as zero.
  case linear(Mask?)
  /// `(gradient: rows x out, x: rows x in) -> out x in`, uniform: the sum over rows of the outer
  /// product, zero outside the mask.
  case linearWeightGradient(Mask?)
  /// `(a: m x k, b: k x n) -> m x n`, uniform values only.
  case matmul
  /// `(a: n x n) -> n x n`, uniform values only: `exp(a)`, the matrix exponential.
  case matrixExponential
  /// `(a: n x n) -> n x n`, uniform values only: the lower triangular `L` with `L Lᵀ = a`, from the
  /// lower triangle of `a`; NaN where `a` is not positive definite.
  case cholesky
  /// `(a: [… x] n x n, b: … x n) -> b.shape`: for each vector `b` the solution `x` of `a x = b`.
  ///
  /// Only one triangle of `a` is read; with `unit` its diagonal counts as ones and is not read. One
  /// matrix serves all vectors, or each has its own.
  case triangularSolve(upper: Bool, unit: Bool)
  /// `(a: row value) -> a.shape`, uniform: the sum over rows.
  case rowSum
  /// `() -> scalar`, uniform: the number of rows, as a float.
  case rowCount(DType)
  /// `(seed: 2 x i32) -> type`: counter-based random numbers, a function of seed, row, stream and
  /// element alone; without rows in the type, one set that all rows share.
  case random(RandomDistribution, type: TensorType, stream: Int)
  /// `() -> [results of the region]`: the fixed point of a triangular map.
  ///
  /// The region takes one value `x` and yields `x'` of the same type, then any extra values.
  /// Starting from zeros the region is applied `passes` times to `x`; the results are that `x`
  /// and the extra values that the region yields for it. The region may use values from outside.
  case autoregressiveInverse(passes: Int)
  /// `(t0, t1, x, …) -> [states at t1]`: the solution of `dx/dt = f(t, x)` that starts from the
  /// given states at `t0`.
  ///
  /// The region takes `t`, a row scalar, and one row value for each state, and yields the states'
  /// derivatives. Each row has step sizes of its own. If `isRecorded`, one more result holds the
  /// accepted steps, `rows x steps x (2 + elements of the states)`: the time before the step, its
  /// size, the states before it.
  case odeSolve(ODEControl, isRecorded: Bool)
  /// `(record, cotangents of the states at t1, …) -> [sums of what the second region yields]`: the
  /// adjoint of a recorded `odeSolve`.
  ///
  /// The first region is that of the solution, `f`. The second takes `t`, the states and cotangents
  /// `g` of their derivatives, and yields `gᵀ ∂f/∂x` for each state, then any values that are
  /// linear in `g`, uniform ones being sums over rows; the results are the cotangents of the states
  /// at `t0` and the sums of those values over all steps.
  case odeAdjoint(steps: Int)
  /// `(target) -> target`: where an increasing function, one for each element, reaches the target.
  ///
  /// The region takes one value `x` of the target's type and yields `f(x)` and the slopes `f'(x)`;
  /// element `i` of both depends on element `i` of `x` alone. The result lies in
  /// `[lower, upper]`; where `f` does not reach the target within, it is the nearer end.
  case monotoneRoot(lower: Double, upper: Double)
  /// `(a, b) -> [results of the region]`: integrals from `a` to `b`, by Gauss and Legendre's rule.
  ///
  /// The region takes `t` and `dt` of the type of `a` and yields values that are linear in `dt`;
  /// the results are their sums over the nodes, `t = a + (b - a) u` and `dt = (b - a) w`.
  case quadrature(nodes: Int)
}
