import FlowCodegen
import FlowFiles
import FlowIR
import FlowPasses
import FlowRuntime
import Flows

/// How long each part of compiling a function takes, in seconds.
///
/// The cache of objects (`XDG_CACHE_HOME`) must be empty, or the C compiler is not run.
struct CompileTimes {
  enum Kind: String {
    case logProb = "compile_log_prob"
    case train = "compile_train"
  }

  let json: JSONValue

  init(_ flow: FlowDescription, _ kind: Kind) throws {
    let model = try Model(flow, seed: 1)
    func trace() throws -> OptimizedFunction {
      switch kind {
      case .logProb: try model.trace(.logProb).optimized()
      case .train: try model.trainingStepFunction()
      }
    }
    let front = try Timing.seconds { _ = try trace() }
    let function = try trace()
    let print = try Timing.seconds {
      _ = CFile(try TileProgram(lowering: function.function), name: "flow")
    }
    let rest = try Timing.seconds { _ = try CompiledFunction(function) }
    json = .object([
      .init("front", .number(front)), .init("print", .number(print)),
      // Lowering is done again in there.
      .init("compiler", .number(max(rest - print, 0))), .init("total", .number(front + rest)),
    ])
  }
}
