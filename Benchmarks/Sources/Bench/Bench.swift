import FlowCodegen
import FlowFiles
import FlowIR
import FlowRuntime
import Flows
import Foundation
import Peak

/// Times one function of one workload and prints a line of JSON, as the peers' programs do.
///
/// usage: Bench REQUEST, a JSON object:
/// {"flow": DESCRIPTION, "kind": "log_prob" | "sample" | "log_prob_gradient" | "train", "threads":
///  [1, 2], "batch": 512, "passes": 5, "seconds": 0.4}; but for training also, if not the default,
/// "rows" of a call, "dtype": "f64", "cpu": "x86-64-v3", "shared": true for one context of all rows.
/// The kinds "compile_log_prob" and "compile_train" time the compiler instead. What is no training is
/// called through the C interface of a compiled artifact.
@main
struct Bench {
  static func main() throws {
    guard CommandLine.arguments.count == 2,
      let request = Request(try JSONValue.parse(CommandLine.arguments[1].utf8))
    else {
      print("usage: Bench REQUEST")
      exit(2)
    }
    if let kind = CompileTimes.Kind(rawValue: request.kind) {
      print(try CompileTimes(request.flow, kind).json.text)
      return
    }
    let workload = try Workload(request)
    let call: (Int) throws -> Void
    let items: Int
    switch request.kind {
    case "train":
      let step = try workload.trainingStep(rows: request.batch)
      (call, items) = ({ try step($0) }, 1)
    default:
      guard let function = ArtifactFunction(rawValue: request.kind) else {
        print("unknown kind '\(request.kind)'")
        exit(2)
      }
      (call, items) = (try workload.throughput(function), workload.rows)
    }
    var rates: [JSONValue.Member] = []
    for threads in request.threads {
      let timing = try Timing(
        items: items, threads: threads, passes: request.passes, seconds: request.seconds,
        peak: request.peak
      ) { try call(threads) }
      rates.append(.init("\(threads)", timing.json))
    }
    let rows = request.kind == "train" ? request.batch : workload.rows
    print(
      JSONValue.object([
        .init("rates", .object(rates)), .init("rows", .integer(rows)),
        .init("flop", .integer(try workload.productFLOPs(of: request.kind))),
      ]).text)
  }
}

/// What to measure.
struct Request {
  let flow: FlowDescription
  let kind: String
  let threads: [Int]
  let batch: Int
  let passes: Int
  let seconds: Double
  let rows: Int?
  let dtype: DType
  let cpu: TargetCPU
  let sharesContext: Bool

  init?(_ json: JSONValue) {
    guard let flow = json["flow"], case .string(let kind)? = json["kind"],
      case .array(let threads)? = json["threads"], case .integer(let batch)? = json["batch"],
      case .integer(let passes)? = json["passes"],
      let description = try? FlowDescription(text: flow.text)
    else { return nil }
    self.flow = description
    rows = if case .integer(let rows)? = json["rows"] { rows } else { nil }
    dtype = json["dtype"] == .string("f64") ? .f64 : .f32
    cpu =
      if case .string(let name)? = json["cpu"] { TargetCPU(rawValue: name) ?? .native } else {
        .native
      }
    sharesContext = json["shared"] == .bool(true)
    self.kind = kind
    self.batch = batch
    self.passes = passes
    self.threads = threads.compactMap { if case .integer(let value) = $0 { value } else { nil } }
    switch json["seconds"] {
    case .number(let value): seconds = value
    case .integer(let value): seconds = Double(value)
    default: return nil
    }
  }

  /// The peak rate of multiply-adds with the vectors and the float type that are used.
  func peak(threads: Int) throws -> Double {
    if cpu != .native { return try MachineLimits(dtype: dtype, threads: threads, cpu: cpu).flops }
    return dtype == .f64 ? fma_peak_double(Int32(threads)) : fma_peak_float(Int32(threads))
  }
}
