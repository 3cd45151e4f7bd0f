import FlowIR

/// Prints one fused group as a C function of the buffers, uniform values and tables that it uses.
///
/// The text does not mention where those lie, so that groups of the same shape share a function.
/// The body is a list of segments: loops over the same inner extents, merged as far as the data
/// flow allows, so that values pass between operations in registers.
final class GroupPrinter {
  /// A pointer parameter of the function.
  enum Parameter: Hashable {
    case buffer(Buffer)
    case uniform(Value)
    case table([Int])
  }

  final class Segment {
    let shape: [Int]
    var reversed: Int?
    var before: [String] = []
    var lines: [Line] = []
    /// Which part of the group it belongs to.
    let part: Part
    init(shape: [Int], part: Part) { (self.shape, self.part) = (shape, part) }
  }

  /// What is printed together.
  enum Part {
    case main
    /// Under the condition of the group's guard.
    case guarded
    /// In the loop over vectors of the group's tail.
    case tail
  }

  enum Line {
    case define(Value, index: String, expression: String)
    case raw(String)
  }

  struct Local {
    var segment: Int
    /// Whether it is computed inside the segment's loops, at their own indices.
    var isDirect: Bool
    var shape: [Int]
  }

  /// A select of a number or zero, as the operands of its segment are written.
  struct Choice {
    let segment: Int
    let condition: String
    /// What it takes unless that is zero.
    let term: String
    /// Whether it takes that where the condition is false.
    let isElse: Bool
  }

  let group: GroupNode
  let views: Views
  let scratch: ScratchPlan
  var parameters: [Parameter] = []
  var segments: [Segment] = []
  var locals: [Value: Local] = [:]
  var choices: [Value: Choice] = [:]
  /// The accumulators of a group that only reduces, and where they lie before and after it.
  var registers: [(name: String, memory: String)] = []
  var assembled: [Value: Int] = [:]
  var arrays: Set<Value> = []
  var declarations: [String] = []
  var numbers: [Value: Int] = [:]
  /// The part that what is printed belongs to.
  private(set) var part = Part.main

  init(_ group: GroupNode, _ views: Views, _ scratch: ScratchPlan) {
    self.group = group
    self.views = views
    self.scratch = scratch
    for operation in group.operations {
      part = part(of: operation.result)
      emit(operation)
    }
    for store in group.stores {
      part = part(of: store.value)
      emitStore(store.value, store.buffer, store.map)
    }
  }

  private func part(of value: Value) -> Part {
    if group.tail?.results.contains(value) == true { return .tail }
    return group.guarded?.results.contains(value) == true ? .guarded : .main
  }

  func dtype(_ value: Value) -> DType { views.type(of: value).dtype }

  /// How many elements of a value an item has.
  func elementCount(of value: Value) -> Int { views.type(of: value).elementCount / group.extent }

  /// A number for a value that does not depend on the rest of the function.
  func number(of value: Value) -> Int {
    if let number = numbers[value] { return number }
    numbers[value] = numbers.count
    return numbers.count - 1
  }

  func name(_ parameter: Parameter) -> String {
    let index = parameters.firstIndex(of: parameter) ?? parameters.count
    if index == parameters.count { parameters.append(parameter) }
    return "p\(index)"
  }

  /// Buffers that share memory share a parameter.
  func pointer(_ buffer: Buffer) -> String { name(.buffer(scratch.root(of: buffer))) }

  /// The C variable of a loop; loop 0 of a group with several items is the group's own.
  func variable(_ loop: Int) -> String {
    group.extent > 1 ? (loop == 0 ? "d" : "j\(loop - 1)") : "j\(loop)"
  }

  func text(_ map: IndexMap, shape: [Int], loops: [Int]) -> String {
    switch map {
    case .affine(let base, let strides):
      return affine(base, strides, loops)
    case .table(let indices):
      let flat = affine(0, FlowIR.strides(of: shape), loops)
      return "\(name(.table(indices)))[\(flat)]"
    }
  }

  func affine(_ base: Int, _ strides: [Int], _ loops: [Int]) -> String {
    var terms: [String] = base == 0 ? [] : ["\(base)"]
    for (stride, loop) in zip(strides, loops) where stride != 0 {
      terms.append(stride == 1 ? variable(loop) : "\(stride) * \(variable(loop))")
    }
    return terms.isEmpty ? "0" : terms.joined(separator: " + ")
  }
}
