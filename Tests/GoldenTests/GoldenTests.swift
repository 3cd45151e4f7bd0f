import FlowCodegen
import FlowIR
import FlowPasses
import Foundation
import Testing

/// Runs the files under `IR/tests`: the first line names a command, the text before `// expect` is
/// the input, the text after it what the command prints.
///
/// `FLOWIR_RECORD=1 swift test --filter GoldenTests` writes the expectations anew and then fails.
@Suite struct GoldenTests {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("IR/tests")

  static let files: [String] = {
    let names = FileManager.default.enumerator(atPath: root.path)?.allObjects as? [String] ?? []
    return names.filter { $0.hasSuffix(".flowir") }.sorted()
  }()

  @Test("golden file", arguments: files)
  func golden(file: String) throws {
    let url = Self.root.appendingPathComponent(file)
    let text = try String(contentsOf: url, encoding: .utf8)
    let parts = text.components(separatedBy: "// expect\n")
    let input = Self.annotated(parts[0])
    let output = Self.run(input)
    if ProcessInfo.processInfo.environment["FLOWIR_RECORD"] != nil {
      let recorded = (input.hasSuffix("\n") ? input : input + "\n") + "// expect\n" + output
      if recorded != text {
        try recorded.write(to: url, atomically: true, encoding: .utf8)
        Issue.record("recorded \(file)")
      }
      return
    }
    #expect(input == parts[0], "\(file): the errors of its lines are others")
    #expect(parts.count == 2, "\(file) has no // expect; record it")
    #expect(output == parts.dropFirst().joined(separator: "// expect\n"), "\(file)")
  }

  @Test("every room of golden tests has files")
  func rooms() {
    let rooms = Set(Self.files.compactMap { $0.split(separator: "/").first.map(String.init) })
    #expect(rooms == ["parser", "verifier", "passes", "gradient", "codegen", "run"])
  }

  /// The input of a verifier test with `// error:` and what is wrong at the end of each line at fault:
  /// that of the operation, or the first of its function.
  static func annotated(_ input: String) -> String {
    guard input.hasPrefix("// test verify"), let module = try? Module(parsing: input) else {
      return input
    }
    var function = -1
    var operation = 0
    return input.components(separatedBy: "\n").map { line in
      var text = line
      if let note = text.range(of: "  // error: ") { text = String(text[..<note.lowerBound]) }
      let start = text.drop { $0 == " " }
      var place: Int?
      if start.hasPrefix("func ") {
        (function, operation) = (function + 1, 0)
      } else if start.hasPrefix("%"), start.contains(" = ") {
        place = operation
        operation += 1
      } else {
        return text
      }
      let faults = module.functions[function].faults.filter { $0.operation == place }
      let notes = faults.map { "  // error: \($0.invariant): \($0.message)" }
      return text + notes.joined()
    }.joined(separator: "\n")
  }

  /// The output of the command in the first line, errors included.
  static func run(_ input: String) -> String {
    let words = input.prefix { $0 != "\n" }.split(separator: " ").map(String.init)
    guard words.count >= 3, words[0] == "//", words[1] == "test" else {
      return "error: the first line must be '// test COMMAND'\n"
    }
    do {
      let module = try Module(parsing: input)
      switch words[2] {
      case "parse": return module.text
      case "verify":
        let count = module.functions.reduce(0) { $0 + $1.faults.count }
        return count == 0 ? "verified\n" : "\(count) \(count == 1 ? "error" : "errors")\n"
      case "opt": return try passes(words.dropFirst(3).joined(), module)
      case "gradient": return try gradients(words, module)
      case "hessian-product": return try hessianProducts(words, module)
      case "tiles":
        return try module.functions.map { try TileProgram(lowering: $0).text }.joined()
      case "c":
        return try module.functions.map {
          CFile(try TileProgram(lowering: $0), name: "flow").text
        }.joined()
      case "run": return try interpret(input, module)
      default: return "error: unknown command '\(words[2])'\n"
      }
    } catch {
      return "error: \(error)\n"
    }
  }

  private static func passes(_ names: String, _ module: Module) throws -> String {
    var module = module
    for name in names.split(separator: ",") {
      guard let pass = Pipeline.pass(named: String(name)) else {
        return "error: unknown pass '\(name)'\n"
      }
      module.functions = try module.functions.map { try pass($0) }
    }
    for function in module.functions { try function.verify() }
    return module.text
  }

  private static func option(_ key: String, _ words: [String]) -> String {
    words.first { $0.hasPrefix(key + "=") }.map { String($0.dropFirst(key.count + 1)) } ?? ""
  }

  private static func gradients(_ words: [String], _ module: Module) throws -> String {
    let names = option("wrt", words).split(separator: ",").map(String.init)
    let functions = try module.functions.map { function in
      try Pipeline.run(
        Pipeline.cleanup,
        on: gradient(of: function, result: option("result", words), withRespectTo: names))
    }
    for function in functions { try function.verify() }
    return Module(functions: functions).text
  }

  private static func hessianProducts(_ words: [String], _ module: Module) throws -> String {
    let functions = try module.functions.map { function in
      try Pipeline.run(
        Pipeline.cleanup,
        on: hessianVectorProduct(
          of: function, result: option("result", words), withRespectTo: option("wrt", words),
          vectors: "v"))
    }
    for function in functions { try function.verify() }
    return Module(functions: functions).text
  }

  /// Runs functions on `// input NAME = numbers` lines; `// rows N` gives the number of rows.
  private static func interpret(_ input: String, _ module: Module) throws -> String {
    var arguments: [String: [Double]] = [:]
    var rows = 1
    for line in input.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      if line.hasPrefix("// rows "), words.count == 3 { rows = Int(words[2]) ?? 1 }
      if line.hasPrefix("// input "), words.count > 4 {
        arguments[words[2]] = words.dropFirst(4).compactMap(Double.init)
      }
    }
    var output = ""
    for function in module.functions {
      try function.verify()
      let names = Set(function.arguments.map(\.name))
      let results = try Interpreter.run(
        function, arguments.filter { names.contains($0.key) }, rows: rows)
      for result in function.results {
        let values = results[result.name]?.values ?? []
        output += "\(result.name) = \(values.map(format).joined(separator: " "))\n"
      }
    }
    return output
  }

  private static func format(_ value: Double) -> String {
    value.isNaN ? "nan" : String(format: "%.9g", value)
  }
}
