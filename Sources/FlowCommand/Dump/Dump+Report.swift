import ArgumentParser
import FlowFiles
import FlowPasses
import FlowRuntime
import Flows

extension Dump {
  /// How many rows a call has that is timed for the page, and for how long calls are made.
  private static let profiled = (rows: 20_000, seconds: 0.3)

  /// Refuses what does not go with `--html`, and what goes with it alone.
  func validateReport() throws {
    if html == nil, profile {
      throw ValidationError("--profile goes with --html; flowir profile prints the times as text")
    }
    if html != nil, dot || cost || times || after != nil {
      throw ValidationError(
        "--html shows all stages, passes and costs; leave out --dot, --cost, --times and --after")
    }
  }

  /// Writes the page about the model and some of its functions.
  func writeReport(_ path: String) throws {
    let model = try readModel()
    let outputs = Outputs(inputs: [self.model] + [values, context].compactMap { $0 })
    let file = try outputs.open(path)
    let names = (function ?? "log_prob,sample").split(separator: ",").map(String.init)
    guard !names.isEmpty else { throw ValidationError("--function names no function") }
    var reports = try names.map { try FunctionReport($0, of: model, dtype: dtype.dtype) }
    for index in reports.indices {
      if profile { reports[index].profile = try measured(reports[index], of: model) }
    }
    if let values {
      let takers = reports.indices.filter { reports[$0].takesRows }
      guard !takers.isEmpty else {
        throw ValidationError(
          "--values goes with log_prob, transform and inverse; \(names.joined(separator: ", ")) "
            + "takes no rows")
      }
      for index in takers {
        reports[index].values = try observed(reports[index].optimized, values, of: model)
      }
    }
    try file.write(Array(ReportPage(reports, of: model, path: self.model).text.utf8))
    try outputs.commit()
    Console.note("wrote \(path); open it in a browser")
  }

  private func measured(_ report: FunctionReport, of model: Model) throws -> ProfileReport? {
    try ProfileReport.measured(
      OptimizedFunction(report.optimized, passes: []), of: model, rows: Self.profiled.rows,
      seconds: Self.profiled.seconds, threads: CompiledFunction.defaultThreads)
  }
}
