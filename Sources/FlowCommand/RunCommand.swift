import ArgumentParser
import FlowFiles
import FlowIR

/// `flowir run`.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a function of textual IR in the reference interpreter, in float64.",
    discussion: """
      EXAMPLE: flowir run f.flowir --function f --input x=x.npy --output y=y.npy
      """)

  @Argument(help: "A .flowir file.") var file: String
  @Option(help: "The function's name.") var function: String
  @Option(help: "An argument and its file, NAME=PATH.") var input: [String] = []
  @Option(help: "A result and its file, NAME=PATH.") var output: [String] = []

  private func pair(_ text: String, _ option: String) throws -> (String, String) {
    let parts = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2 else { throw ValidationError("\(option) must be NAME=PATH: '\(text)'") }
    return (String(parts[0]), String(parts[1]))
  }

  func run() throws {
    let places = try output.map { try pair($0, "--output") }
    let files = try input.map { try pair($0, "--input") }
    let outputs = Outputs(inputs: [file] + files.map(\.1))
    let targets = try places.map { ($0.0, try outputs.openRows($0.1)) }
    let module = try readModule(file)
    guard let function = module.function(named: function) else {
      let known = module.functions.map(\.name).joined(separator: ", ")
      throw FileError.malformed(
        path: file, offset: 0, reason: "no function '\(self.function)'; it has \(known)")
    }
    var arguments: [String: [Double]] = [:]
    var rows: Int?
    for (name, path) in files {
      guard let argument = function.arguments.first(where: { $0.name == name }) else {
        throw ValidationError("the function has no argument '\(name)'")
      }
      let type = function.type(of: argument.value)
      let values = try read(path, as: type)
      arguments[name] = values
      if type.hasRows {
        let count = values.count / max(type.elementCount, 1)
        if let rows, rows != count {
          throw FileError.mismatch(path: path, found: "\(count) rows", expected: "\(rows) rows")
        }
        rows = count
      }
    }
    let results = try Interpreter.run(function, arguments, rows: rows ?? 1)
    for (name, target) in targets {
      guard let result = results[name] else {
        throw ValidationError("the function has no result '\(name)'")
      }
      let columns = result.type.elementCount
      let writer = try createRows(
        target, columns: result.type.shape.isEmpty ? nil : columns, type: .f64)
      try writer.write(result.values)
      try writer.finish()
    }
    try outputs.commit()
  }

  /// The numbers of an argument; whole ones of 32 bits where its type asks for that.
  private func read(_ path: String, as type: TensorType) throws -> [Double] {
    let reader = try openRows(path)
    var values: [Double] = []
    while true {
      let part = try reader.read(65536)
      if part.isEmpty { return values }
      if type.dtype == .i32 {
        for (index, value) in part.enumerated() {
          do throws(NumberError) {
            _ = try Checked.int32(value)
          } catch {
            throw FileError.badRow(
              path: path, row: reader.number(ofRow: index / max(reader.columns, 1)),
              reason: "\(error)")
          }
        }
      }
      values += part
    }
  }
}
