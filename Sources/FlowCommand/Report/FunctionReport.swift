import FlowCodegen
import FlowFiles
import FlowIR
import FlowPasses
import Flows
import Foundation

/// All that the page shows about one function: what each pass made of it, its tile program, its C, and
/// pictures of masks, panels, memory and incremental loops.
struct FunctionReport {
  let name: String
  let dtype: DType
  /// The function as it is lowered.
  let optimized: Function
  let stages: [ReportStage]
  let masks: [MaskPicture]
  let program: ProgramPicture
  let tiles: [PrintedLine]
  let c: [PrintedLine]
  let costs: OperationCosts
  var profile: ProfileReport?
  var values: ValuesText?

  /// A masked layer before and after its units are sorted, and its panels.
  struct MaskPicture {
    let scope: String
    let before: Mask?
    let after: Mask
    let panels: [ProgramPicture.Layer.Panel]
  }

  /// Traces, optimizes and lowers a function of a model.
  ///
  /// - Throws: an error if the model has no such function, or a pass or the lowering fails.
  init(_ name: String, of model: Model, dtype: DType) throws {
    let traced = try tracedFunction(name, of: model, dtype: dtype)
    let isDifferentiated = FlowFunction(named: name)?.isDifferentiated ?? false
    let passes = isDifferentiated ? Pipeline.cleanup : Pipeline.forward
    (stages, optimized) = try ReportStage.passes(passes, on: traced)
    let program = try TileProgram(lowering: optimized)
    self.name = name
    self.dtype = dtype
    let picture = program.picture
    self.program = picture
    tiles = program.printedLines
    c = Self.scoped(CFile(program, name: "flow").text)
    costs = OperationCosts(optimized)
    let before = Self.masks(
      isDifferentiated
        ? try tracedFunction(FlowFunction.logProb.name, of: model, dtype: dtype) : traced)
    masks = Self.masks(optimized).map { scope, mask in
      let layer = picture.layers.first {
        $0.scope == scope && $0.outputs == mask.rows && $0.inputs == mask.columns
      }
      return MaskPicture(
        scope: scope.path, before: before.first { $0.0 == scope && $0.1.count == mask.count }?.1,
        after: mask, panels: layer?.panels ?? [])
    }
  }
}

extension FunctionReport {
  /// Whether it takes rows of x or z and nothing but their context.
  var takesRows: Bool {
    let names = optimized.arguments.filter { $0.kind == .input }.map(\.name)
    let rows = names.filter { $0 != "context" }
    return rows == ["x"] || rows == ["z"]
  }

  /// The masked layers of a function, each once.
  private static func masks(_ function: Function) -> [(Scope, Mask)] {
    var found: [(Scope, Mask)] = []
    for operation in function.operations.withRegions {
      guard case .linear(let mask?) = operation.opcode else { continue }
      if !found.contains(where: { $0.0 == operation.scope && $0.1 == mask }) {
        found.append((operation.scope, mask))
      }
    }
    return found
  }

  /// The lines of C, each with the part of the model that the comment before it names; a function
  /// ends with a brace at the start of a line.
  static func scoped(_ text: String) -> [PrintedLine] {
    var scope = Scope()
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      let trimmed = line.trimmingPrefix { $0 == " " }
      if trimmed.hasPrefix("/* "), trimmed.hasSuffix(" */") {
        scope = Scope(String(trimmed.dropFirst(3).dropLast(3)))
      }
      if line.hasPrefix("}") { scope = Scope() }
      return PrintedLine(String(line), scope)
    }
  }

  /// The report as the page reads it.
  func json(_ table: StringTable) -> JSONValue {
    func text(_ string: String) -> JSONValue { .integer(table.number(string)) }
    func numbers(_ values: [Int]) -> JSONValue { .array(values.map { .integer($0) }) }
    let stages = stages.map { stage in
      JSONValue.object([
        .init("name", .string(stage.name)), .init("summary", .string(stage.summary)),
        .init("lines", table.json(stage.lines)), .init("removed", numbers(stage.removed)),
        .init("added", numbers(stage.added)),
      ])
    }
    let masks = masks.map { mask in
      JSONValue.object([
        .init("scope", text(mask.scope)),
        .init("outputs", .integer(mask.after.rows)), .init("inputs", .integer(mask.after.columns)),
        .init("before", mask.before.map { text($0.runLengths) } ?? .null),
        .init("after", text(mask.after.runLengths)),
        .init("weights", .integer(mask.after.count)),
        .init(
          "panels",
          .array(
            mask.panels.map {
              numbers([
                $0.outputs.lowerBound, $0.outputs.count, $0.inputs.lowerBound, $0.inputs.count,
              ])
            })),
      ])
    }
    let memories = program.memories.map { memory in
      JSONValue.object([
        .init("elements", .integer(memory.elements)), .init("nodes", table.json(memory.nodes)),
        .init(
          "buffers",
          .array(
            memory.buffers.map {
              .array([
                text($0.name), .integer($0.offset), .integer($0.elements),
                .integer($0.life.lowerBound), .integer($0.life.upperBound),
              ])
            })),
      ])
    }
    let timelines = program.timelines.map { timeline in
      JSONValue.object([
        .init("steps", .integer(timeline.steps)),
        .init("nodes", table.json(timeline.rows.map(\.node))),
        .init("items", .array(timeline.rows.map { numbers($0.items) })),
      ])
    }
    let costs = costs.lines.map { line in
      JSONValue.array([
        .integer(line.depth), text(line.operation), text(line.scope), .integer(line.cost.dense),
        .integer(line.cost.run), .integer(line.cost.bytes), .bool(line.isRow),
      ])
    }
    return .object([
      .init("name", .string(name)), .init("dtype", .string(dtype.rawValue)),
      .init("stages", .array(stages)), .init("tiles", table.json(tiles)),
      .init("c", table.json(c)), .init("masks", .array(masks)),
      .init("memories", .array(memories)), .init("timelines", .array(timelines)),
      .init("costs", .array(costs)), .init("profile", profile?.json ?? .null),
      .init("values", values.map { table.json($0.lines) } ?? .null),
    ])
  }
}
