import FlowIR

extension TensorOperation {
  /// The operation in the form that the gradient needs: an ODE's solution records its steps for the
  /// adjoint.
  fileprivate var recorded: TensorOperation {
    guard case .odeSolve(let control, _) = opcode else { return self }
    var copy = self
    copy.opcode = .odeSolve(control, isRecorded: true)
    return copy
  }
}

/// Why a function can't be differentiated.
public enum GradientError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No result has the name.
  case noResult(String)
  /// No argument has the name.
  case noArgument(String)
  /// The result is not a float scalar (one, or one a row).
  case notScalar(String, found: TensorType)
  /// The result can be differentiated, but its gradient holds an operation that cannot.
  case onlyOnce(String, operation: String)
  /// A type rule failed: a derivative rule is wrong for these operands.
  case type(TypeError)

  /// What was wrong, where, and what to do, in one line.
  public var description: String {
    switch self {
    case .noResult(let name): "the function has no result '\(name)'"
    case .noArgument(let name): "the function has no argument '\(name)'"
    case .notScalar(let name, let found):
      "result '\(name)' is \(found); only a float scalar, or one a row, can be differentiated"
    case .onlyOnce(let name, let operation):
      "the gradient of '\(name)' can't be differentiated again, since the function has the operation "
        + operation
    case .type(let error): "\(error)"
    }
  }
}

/// The function that also returns the gradient of one result with respect to some arguments.
///
/// The new function has the arguments and results of the given one, and one more result
/// `grad.NAME` for each requested argument. The result must be a uniform scalar, or a row scalar;
/// then the gradient is that of its sum over rows, so that the gradient with respect to a row
/// argument is each row's own.
///
/// Reverse mode on the intermediate representation: rules are expanded only for operations on a
/// path from a requested argument to the result, so nothing else costs anything.
///
/// With `perRow`, the gradient with respect to a uniform argument is not summed over rows either:
/// it is a row value, each row's own.
///
///     %y = exp %x : rows x f32                %y = exp %x : rows x f32
///     %l = row_sum %y : f32              →    %l = row_sum %y : f32
///     return loss = %l                        %g = multiply %one, %y : rows x f32
///                                             return loss = %l, grad.x = %g
///
/// - Throws: `GradientError` for names that do not exist or a result that is not a scalar.
public func gradient(
  of function: Function, result name: String, withRespectTo names: [String],
  perRow: Bool = false
) throws(GradientError) -> Function {
  guard let result = function.results.first(where: { $0.name == name }) else {
    throw .noResult(name)
  }
  let type = function.type(of: result.value)
  guard type.shape.isEmpty, type.dtype.isFloat else { throw .notScalar(name, found: type) }
  let builder = FunctionBuilder(name: function.name)
  var map: [Value: Value] = [:]
  builder.copyArguments(of: function, into: &map)
  var wanted: [Value] = []
  for name in names {
    guard let argument = function.arguments.first(where: { $0.name == name }),
      let value = map[argument.value]
    else { throw .noArgument(name) }
    wanted.append(value)
  }
  do {
    for operation in function.operations {
      try builder.copy(operation.recorded, of: function, mapping: &map)
    }
    guard let root = map[result.value] else { throw GradientError.noResult(name) }
    let reverse = ReversePass(builder, perRow: perRow)
    let one = builder.splat(1, shape: [], dtype: type.dtype)
    let cotangents = try reverse.run(
      builder.currentOperations, seeds: [root: one], wanted: Set(wanted))
    let rows = builder.arguments.first { builder.type(of: $0.value).hasRows }?.value
    var results = function.results.map {
      FunctionResult(name: $0.name, value: map[$0.value] ?? $0.value)
    }
    for (name, value) in zip(names, wanted) {
      let found = try reverse.completed(cotangents[value], for: value, like: perRow ? rows : nil)
      results.append(FunctionResult(name: "grad." + name, value: found))
    }
    return builder.finish(results: results)
  } catch let error as GradientError {
    throw error
  } catch let error as TypeError {
    throw .type(error)
  } catch {
    preconditionFailure("\(error)")
  }
}
