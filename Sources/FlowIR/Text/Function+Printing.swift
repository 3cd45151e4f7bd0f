extension Module {
  /// The text form; parsing it gives the same module.
  public var text: String {
    var masks = MaskTable()
    for function in functions { masks.collect(function.operations) }
    let bodies = functions.map { FunctionPrinter($0, masks: masks).text }
    return (["flowir 1\n"] + (masks.isEmpty ? [] : [masks.text]) + bodies).joined(separator: "\n")
  }
}

extension Function {
  /// The text form of a module with this function alone.
  public var text: String { Module(functions: [self]).text }

  /// The text form with a comment after the line of each operation whose first result has a note.
  public func text(notes: [Value: String]) -> String {
    var masks = MaskTable()
    masks.collect(operations)
    let printer = FunctionPrinter(self, masks: masks, notes: notes)
    return (["flowir 1\n"] + (masks.isEmpty ? [] : [masks.text]) + [printer.text])
      .joined(separator: "\n")
  }

  /// The lines of the text from `func` on, each with the part of the model that it comes from, and
  /// with a comment after operations whose first result has a note.
  public func printedLines(notes: [Value: String] = [:]) -> [PrintedLine] {
    var masks = MaskTable()
    masks.collect(operations)
    return FunctionPrinter(self, masks: masks, notes: notes).lines
  }

  /// The printed line of every operation, by its first result.
  public var linesByResult: [Value: String] {
    Dictionary(
      zip(operations.withRegions, operationLines).compactMap { operation, line in
        operation.results.first.map { ($0, line) }
      }, uniquingKeysWith: { first, _ in first })
  }
}

extension Function {
  /// The printed line of every operation, without its regions, in the order of the text.
  var operationLines: [String] {
    var masks = MaskTable()
    masks.collect(operations)
    return FunctionPrinter(self, masks: masks).operationLines
  }
}

/// A line of a printed program, and the part of the model that it comes from.
public struct PrintedLine: Hashable, Sendable {
  /// The line, with its indentation.
  public let text: String
  /// The part of the model; empty where a line belongs to none.
  public let scope: Scope

  /// A line from its text and its part of the model.
  public init(_ text: String, _ scope: Scope = Scope()) {
    self.text = text
    self.scope = scope
  }
}

/// The masks of a module, each printed once.
struct MaskTable {
  private var names: [Mask: String] = [:]
  private var order: [Mask] = []

  var isEmpty: Bool { order.isEmpty }

  mutating func collect(_ operations: [TensorOperation]) {
    for operation in operations.withRegions {
      if let mask = operation.opcode.mask, names[mask] == nil {
        names[mask] = "@m\(order.count)"
        order.append(mask)
      }
    }
  }

  func name(_ mask: Mask) -> String { names[mask] ?? "@m" }

  /// One line for each mask: each row as runs of equal entries, followed by `*n` if n such rows follow
  /// one another.
  var text: String {
    order.map { "mask \(name($0)) = \($0.rows) x \($0.columns) \"\($0.runLengths)\"\n" }.joined()
  }
}

extension Mask {
  /// The rows in order, each as counts of alternating zeros and ones, zeros first: `0,3,2` is 11100.
  /// `*n` follows a row that n rows in a row are equal to.
  public var runLengths: String {
    var found: [(text: String, count: Int)] = []
    for index in 0..<rows {
      let text = Self.runs(row(index))
      if found.last?.text == text {
        found[found.count - 1].count += 1
      } else {
        found.append((text, 1))
      }
    }
    return found.map { $0.count == 1 ? $0.text : "\($0.text)*\($0.count)" }
      .joined(separator: " ")
  }

  private static func runs(_ bits: ArraySlice<Bool>) -> String {
    var counts: [Int] = [0]
    var current = false
    for bit in bits {
      if bit != current {
        counts.append(0)
        current = bit
      }
      counts[counts.count - 1] += 1
    }
    return counts.map(String.init).joined(separator: ",")
  }
}

/// Prints one function.
struct FunctionPrinter: OperationVisitor {
  private let function: Function
  private let masks: MaskTable
  private let notes: [Value: String]
  private var names: [Value: String] = [:]
  private var counter = 0
  /// The lines so far.
  private(set) var lines: [PrintedLine] = []
  private var scope = Scope()
  /// Every operation without its regions, in the order of the text.
  private(set) var operationLines: [String] = []
  /// The operations whose regions are being printed, the innermost last.
  private var open: [OpenOperation] = []

  private struct OpenOperation {
    /// The name, operands and attributes.
    let head: String
    /// The place in `operationLines`.
    let index: Int
    /// The lines printed before the operation, and the scope that they ended in.
    let outerLines: [PrintedLine]
    let outerScope: Scope
  }

  init(_ function: Function, masks: MaskTable, notes: [Value: String] = [:]) {
    self.function = function
    self.masks = masks
    self.notes = notes
    print()
  }

  var text: String { lines.map(\.text).joined(separator: "\n") + "\n" }

  /// Whether a name can be printed after `%` without quotes.
  static func isPlain(_ name: String) -> Bool {
    guard let first = name.unicodeScalars.first, !("0"..."9").contains(first) else { return false }
    return name.unicodeScalars.allSatisfy {
      ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
        || $0 == "_" || $0 == "."
    }
  }

  private mutating func define(_ value: Value) -> String {
    let name = "%\(counter)"
    counter += 1
    names[value] = name
    return name
  }

  private func name(_ value: Value) -> String { names[value] ?? "%?\(value.id)" }

  private mutating func print() {
    lines.append(PrintedLine("func @\(function.name)("))
    for (index, argument) in function.arguments.enumerated() {
      let plain = Self.isPlain(argument.name)
      let name = plain ? "%" + argument.name : define(argument.value)
      names[argument.value] = name
      let quoted = plain ? "" : " " + Quoting.quote(argument.name)
      let comma = index + 1 < function.arguments.count ? "," : ""
      let type = function.type(of: argument.value)
      lines.append(PrintedLine("  \(argument.kind.rawValue) \(name): \(type)\(quoted)\(comma)"))
    }
    lines.append(PrintedLine(") {"))
    walk(function.operations)
    let results = function.results.map { result in
      let key = Self.isPlain(result.name) ? result.name : Quoting.quote(result.name)
      return "\(key) = \(name(result.value))"
    }
    lines.append(PrintedLine("  return \(results.joined(separator: ", "))"))
    lines.append(PrintedLine("}"))
  }

  mutating func enter(_ operation: TensorOperation) {
    let operands = operation.operands.map(name)
    let attributes = AttributeWriter.text(operation.opcode, masks: masks)
    var head =
      ([operation.opcode.name] + (operands.isEmpty ? [] : [operands.joined(separator: ", ")]))
      .joined(separator: " ")
    if !attributes.isEmpty { head += " " + attributes }
    open.append(
      OpenOperation(head: head, index: operationLines.count, outerLines: lines, outerScope: scope))
    operationLines.append("")
    lines = []
    scope = operation.scope
  }

  mutating func enter(_ region: Region) {
    let arguments = region.arguments.map { "\(define($0)): \(function.type(of: $0))" }
    lines.append(PrintedLine("\(braceIndent)(\(arguments.joined(separator: ", "))) {", scope))
  }

  mutating func leave(_ region: Region) {
    let results = region.results.map(name).joined(separator: ", ")
    lines.append(PrintedLine("\(indent)yield \(results)", scope))
    lines.append(PrintedLine("\(braceIndent)}", scope))
  }

  /// Values are numbered in the order in which they are defined, so an operation's own line is
  /// complete after its regions.
  mutating func leave(_ operation: TensorOperation) {
    let visit = open.removeLast()
    let regionLines = lines
    (lines, scope) = (visit.outerLines, visit.outerScope)
    let results = operation.results.map { define($0) }.joined(separator: ", ")
    let types = operation.results.map { "\(function.type(of: $0))" }.joined(separator: ", ")
    var line = "\(results) = \(visit.head) : \(types)"
    if operation.scope != scope {
      scope = operation.scope
      line += " at \(Quoting.quote(scope.path))"
    }
    operationLines[visit.index] = line
    let note = operation.results.first.flatMap { notes[$0] }.map { "  // \($0)" } ?? ""
    lines.append(PrintedLine(indent + line + note, operation.scope))
    lines += regionLines
  }

  /// The indentation of the innermost open region's braces.
  private var braceIndent: String { String(repeating: "    ", count: open.count) }

  /// The indentation of that region's operations.
  private var indent: String { braceIndent + "  " }
}

/// Strings in quotes, with `\"`, `\\` and `\n` escaped.
public enum Quoting {
  /// The text in quotes.
  public static func quote(_ text: String) -> String {
    var result = "\""
    for character in text {
      switch character {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      default: result.append(character)
      }
    }
    return result + "\""
  }
}
