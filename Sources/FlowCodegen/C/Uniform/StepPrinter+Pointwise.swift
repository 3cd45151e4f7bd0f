import FlowIR

extension StepPrinter {
  /// One loop for pointwise operations of the same size: a call of a function that the same loops over
  /// other values share, such as those that update each parameter in a step of training.
  func pointwise(_ step: UniformStep) -> [String] {
    let loop = PointwiseLoop(step, in: self)
    let pointers = loop.pointers.map { ", " + $0 }.joined()
    let name = definitions.function("pointwise", loop.parameters, loop.body)
    return Self.begin(step.share, count: step.count) + [
      "\(name)(begin, end, \(step.count)\(pointers));", "}",
    ]
  }
}

/// A pointwise loop as a C function of the places of its values.
private struct PointwiseLoop {
  /// The parameters of the function, in parentheses.
  private(set) var parameters = ""
  /// Its body, in braces.
  private(set) var body = ""
  /// The arguments after the range and the number of elements.
  private(set) var pointers: [String] = []
  private let printer: StepPrinter
  private var names: [Value: String] = [:]
  private var lines: [String] = []

  init(_ step: UniformStep, in printer: StepPrinter) {
    self.printer = printer
    let stored = Set(step.stored)
    for operation in step.operations {
      for operand in operation.operands where names[operand] == nil { load(operand) }
      let expression = Expressions.pointwise(
        operation.opcode, operation.operands.map { names[$0] ?? "" },
        operation.operands.map { printer.type(of: $0).dtype })
      let result = operation.result
      let name = define(result, expression)
      // What only this loop reads stays in registers.
      guard stored.contains(result) else { continue }
      let place = place(printer.pointer(result))
      lines.append("if (m >= FK_LANES) fk_storeu(\(place) + i, (fk_vec)\(name));")
      lines.append("else fk_store_part(\(place) + i, (fk_vec)\(name), m);")
    }
    let places = pointers.indices.map { ", fk_real *p\($0)" }.joined()
    parameters = "(int64_t begin, int64_t end, int64_t count\(places))"
    var out = CText()
    out.line("{")
    out.line("for (int64_t i = begin; i < end; i += FK_LANES) {")
    out.line("const int64_t m = count - i;")
    for line in lines { out.line(line) }
    out.line("}")
    out.line("}")
    body = out.text
  }

  /// The name of the argument that holds a pointer.
  private mutating func place(_ pointer: String) -> String {
    let argument = "(fk_real *)" + pointer
    if let known = pointers.firstIndex(of: argument) { return "p\(known)" }
    pointers.append(argument)
    return "p\(pointers.count - 1)"
  }

  private mutating func define(_ value: Value, _ expression: String) -> String {
    let name = "u\(names.count)"
    names[value] = name
    let type = Expressions.type(printer.type(of: value).dtype)
    lines.append("const \(type) \(name) = \(expression);")
    return name
  }

  private mutating func load(_ value: Value) {
    let isFloat = printer.type(of: value).dtype.isFloat
    switch printer.program.views.scalar(value) {
    case .constant(let number)?:
      _ = define(value, Expressions.splat(number, printer.type(of: value).dtype))
    case .value(let base)?:
      let place = place(printer.pointer(base))
      _ = define(
        value,
        isFloat ? "fk_splat(\(place)[0])" : "fk_splat_int(((const fk_word *)\(place))[0])")
    case nil:
      let place = place(printer.pointer(value))
      _ = define(
        value,
        "\(isFloat ? "" : "(fk_int)")(m >= FK_LANES ? fk_loadu(\(place) + i)"
          + " : fk_load_part(\(place) + i, m))")
    }
  }
}
