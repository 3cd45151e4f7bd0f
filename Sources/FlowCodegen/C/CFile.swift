import FlowIR

/// Prints a tile program as one C file, without the kernel headers that precede it.
///
/// The file defines `NAME_prepare(args, state, threads)`, which packs parameters, and
/// `NAME_run(args, results, state, rows, first_row, threads)`, which returns 0, or 1 if memory
/// for its scratch could not be had. Pointers are in the order of the function's arguments and
/// results; row arrays are row-major. A result of rows whose pointer is NULL is not written. If the
/// program has a grouped input, one more pointer follows those of the arguments, to an `int64_t`: how
/// many consecutive rows a row of that input serves. If it draws random numbers for rows, the last pointer
/// is to an `int64_t` for each row, its number in the sample; or it is NULL, and row i has number
/// `first_row + i`.
public struct CFile {
  /// The text.
  public var text: String { parts.map(\.text).joined(separator: "\n") }

  /// What the text is made of, in order.
  private(set) var parts: [CPart] = []
  let program: TileProgram
  let name: String
  let definitions: Definitions
  let steps: StepPrinter
  /// The numbers of the nodes whose time is measured, by their identity.
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
    definitions = Definitions(after: previous?.definitions)
    counters = profiling ? Self.counters(program) : [:]
    let places = CPlaces(storage: program.storage, name: name)
    steps = StepPrinter(program: program, places: places, definitions: definitions, name: name)
    let tiles = program.phases.indices.map { CPart(tile($0), .running) }
    let inverses = program.inverses.map { CPart(inverse($0), .preparing) }
    let entries = [prepare, run]
    let constants = program.storage.tables.enumerated().map {
      CPart(constant($1, places.constant($0)), .everywhere)
    }
    let start = profiling ? [CPart(profileStart, .everywhere)] : []
    parts = start + constants + definitions.parts + tiles + inverses + entries
  }

  private func constant(_ literal: Literal, _ name: String) -> String {
    let isFloat = literal.type.dtype.isFloat
    let values = literal.values.map { value -> String in
      switch literal.type.dtype {
      case .f32, .f64: Expressions.number(value, literal.type.dtype)
      case .i32: "\(Int(value))"
      case .bool: value == 0 ? "0" : "-1"
      }
    }
    return "static const \(isFloat ? "fk_real" : "fk_word") \(name)[] = {"
      + values.joined(separator: ", ") + "};"
  }
}
