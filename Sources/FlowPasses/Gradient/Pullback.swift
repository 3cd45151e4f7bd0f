import FlowIR

/// Appends the product of a vector and the Jacobian of a function, `vᵀ dy/dx`.
///
/// The function is given by the operations of the innermost open region, or of the function itself,
/// from `start` on; `y` is its value at `x`. Without weights `v` is all ones; then the product is the
/// derivative of a function that acts on each element alone. It has the shape of `x`.
///
/// - Throws: `TypeError` if a derivative rule is at fault.
public func pullback(
  _ weights: Value? = nil, of y: Value, at x: Value, from start: Int, in builder: FunctionBuilder
) throws(TypeError) -> Value {
  let reverse = ReversePass(builder)
  let operations = Array(builder.currentOperations[start...])
  let type = builder.type(of: y)
  let seed = weights ?? builder.splat(1, shape: type.shape, dtype: type.dtype)
  let found = try reverse.run(operations, seeds: [y: seed], wanted: [x])[x]
  let wanted = builder.type(of: x)
  return found ?? builder.splat(0, shape: wanted.shape, dtype: wanted.dtype)
}
