import FlowCodegen
import Flows

/// What a flow's functions read, give and compute, for the help of commands that name them.
enum FunctionList {
  /// A paragraph for each function: `transform: x, context -> z, ladj.`, and what it computes.
  static func text(_ functions: [FlowFunction]) -> String {
    functions.map { function in
      let signature = function.signature
      let inputs = signature.inputs(hasContext: true).joined(separator: ", ")
      let outputs = signature.outputs(hasContext: true).map { output in
        output.size == .parameters ? output.name + "PARAMETER" : output.name
      }.joined(separator: ", ")
      return "\(function.name): \(inputs) -> \(outputs). \(function.summary)"
    }.joined(separator: "\n")
  }
}
