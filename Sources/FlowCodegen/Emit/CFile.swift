import FlowIR

/// Prints a tile program as one C file, without the kernel headers that precede it.
///
/// The file defines `NAME_prepare(args, state, threads)`, which packs parameters, and
/// `NAME_run(args, results, state, rows, first_row, threads)`, which returns 0, or 1 if memory
/// for its scratch could not be had. Pointers are in the order of the function's arguments and
/// results; row arrays are row-major. A result of rows whose pointer is NULL is not written.
public struct CFile {
  /// The text.
  public private(set) var text = ""
  /// The size of the memory that `prepare` fills, in elements of the function's float type.
  public let stateElements: Int

  let program: TileProgram
  let plan: UniformPlan
  let name: String
  var functions: [String: String]
  var definitions: [String] = []
  var tableNames: [String: String]
  let emitter: UniformEmitter
  /// The numbers of nodes whose time is counted.
  let counters: [ObjectIdentifier: Int]

  /// Prints a program; `name` starts the names of its two entry points.
  ///
  /// A file that stands after others in one C file uses the tables and kernels that they define:
  /// each is defined once, by its text. With `profiling` it counts the time of each node.
  public init(
    _ program: TileProgram, name: String, after previous: CFile? = nil, profiling: Bool = false
  ) {
    self.program = program
    self.name = name
    functions = previous?.functions ?? [:]
    tableNames = previous?.tableNames ?? [:]
    plan = UniformPlan(program)
    counters = profiling ? Self.counters(program) : [:]
    emitter = UniformEmitter(function: program.function, plan: plan, name: name)
    stateElements = max(plan.stateElements, 16)
    var phases: [String] = []
    for index in program.phases.indices { phases.append(phase(index)) }
    let entries = prepare() + "\n" + body() + "\n" + run()
    let tables = plan.tables.enumerated().map { constant($1, $0) }
    text = (profiling ? profileStart : "")
    text += (tables + definitions + phases).joined(separator: "\n") + "\n" + entries
  }

  func constant(_ literal: Literal, _ index: Int) -> String {
    let isFloat = literal.type.dtype.isFloat
    let values = literal.values.map { value -> String in
      switch literal.type.dtype {
      case .f32, .f64: Expressions.number(value, literal.type.dtype)
      case .i32: "\(Int(value))"
      case .bool: value == 0 ? "0" : "-1"
      }
    }
    return "static const \(isFloat ? "fk_real" : "fk_word") \(name)_constant_\(index)[] = {"
      + values.joined(separator: ", ") + "};"
  }

  /// The name of a static table with these contents, defined once.
  mutating func table(_ values: [Int], type: String = "int32_t") -> String {
    table(type, values.map(String.init).joined(separator: ", "))
  }

  mutating func table(_ type: String, _ contents: String) -> String {
    let key = type + contents
    if let name = tableNames[key] { return name }
    let name = "table_\(tableNames.count)"
    tableNames[key] = name
    definitions.append("static const \(type) \(name)[] = {\(contents)};")
    return name
  }

  /// The name of a function with this text after its name, defined once.
  mutating func function(_ prefix: String, _ text: String) -> String {
    if let name = functions[text] { return name }
    let name = "\(prefix)_\(functions.count)"
    functions[text] = name
    definitions.append("FK_OUTLINE void \(name)" + text)
    return name
  }

  func pointer(_ buffer: Buffer) -> String { "s + \(buffer.root.offset) * FK_TILE" }
}
