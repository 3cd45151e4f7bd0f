import FlowIR

extension GroupPrinter {
  /// The body of the function for any number of rows: the loop over items.
  func body() -> String { items(isWide: false) }

  /// The body of the function for whole tiles with wide vectors, and for which processors it is; nil if the plan has
  /// none.
  func wideBody() -> (text: String, condition: String)? {
    let condition: String
    switch group.width {
    case .none: return nil
    case .withShortVectors: condition = "FW_VECTORS > 1 && defined(FK_AVX2)"
    case .all: condition = "FW_VECTORS > 1"
    }
    return ("const int width = FK_TILE;\n" + WideVectors.text(items(isWide: true)), condition)
  }

  /// The loop over items.
  private func items(isWide: Bool) -> String {
    if group.isReduction { return reductions() }
    var out = CText()
    openItems(to: &out)
    for value in arrays.sorted(by: { number(of: $0) < number(of: $1) }) where isCarried(value) {
      out.line("\(Expressions.type(dtype(value))) a\(number(of: value))[FK_TILE / FK_LANES];")
    }
    let front = segments.filter { $0.part != .tail }
    let apart = apart(front)
    for segment in front[..<apart] { writeContiguously(segment, to: &out) }
    // Where vectors side by side hide how long their functions take, straight code would hide no more.
    let unrolled = !isWide || group.width == .withShortVectors
    if apart < front.count { writeTogether(front[apart...], unrolled: unrolled, to: &out) }
    for segment in segments where segment.part == .tail { writeContiguously(segment, to: &out) }
    out.line("}")
    return out.text
  }

  private func openItems(to out: inout CText) {
    out.line("for (int item = begin; item < end; item++) {")
    out.line("const int d = items ? items[item] : item;")
    out.line("(void)d;")
  }

  /// The loop over items within that over vectors, around accumulators in registers.
  private func reductions() -> String {
    var out = CText()
    out.line(Self.vectors)
    for sum in registers { out.line("fk_vec \(sum.name) = fk_load(\(sum.memory));") }
    openItems(to: &out)
    for segment in segments { writeLines(of: segment, to: &out) }
    out.line("}")
    for sum in registers { out.line("fk_store(\(sum.memory), \(sum.name));") }
    out.line("}")
    return out.text
  }

  private func isCarried(_ value: Value) -> Bool { group.tail?.carried.contains(value) == true }

  /// The loop over the vectors of a tile.
  private static let vectors = "for (int v = 0; v < width; v += FK_LANES) {"

  /// How many of the first segments pass nothing to another, and nothing from one element to the next: the
  /// vectors are their innermost loop, so that they go through memory in order. The others keep the vectors
  /// outside, and what they pass to each other in registers. A few elements are not worth a loop of their
  /// own, unless nothing else is in the group.
  private func apart(_ segments: [Segment]) -> Int {
    let passing = Set(
      arrays.compactMap { locals[$0].map { ObjectIdentifier(self.segments[$0.segment]) } })
    return segments.indices.first { index in
      let segment = segments[index]
      return segment.shape.isEmpty || !segment.before.isEmpty
        || passing.contains(ObjectIdentifier(segment))
        || (segments.count > 1 && segment.shape.reduce(1, *) <= Self.few)
    } ?? segments.count
  }

  /// How many iterations become straight code.
  private static let few = 8

  /// How many lines of straight code the iterations of a loop become at most, if they are more.
  private static let mostLines = 128

  private func writeContiguously(_ segment: Segment, to out: inout CText) {
    open(segment, to: &out)
    out.line(Self.vectors)
    writeLines(of: segment, to: &out)
    for _ in 0..<segment.shape.count + 1 { out.line("}") }
  }

  private func writeTogether(
    _ segments: ArraySlice<Segment>, unrolled: Bool, to out: inout CText
  ) {
    out.line(Self.vectors)
    for value in arrays.sorted(by: { number(of: $0) < number(of: $1) }) where !isCarried(value) {
      let count = elementCount(of: value)
      let type = Expressions.type(dtype(value))
      out.line(
        count == 1 ? "\(type) a\(number(of: value));" : "\(type) a\(number(of: value))[\(count)];")
    }
    for declaration in declarations { out.line(declaration) }
    var isGuarded = false
    for segment in segments {
      if (segment.part == .guarded) != isGuarded {
        if isGuarded { out.line("}") } else { openGuard(to: &out) }
        isGuarded.toggle()
      }
      write(segment, unrolled: unrolled && !isGuarded, to: &out)
    }
    out.line("}")
  }

  /// The condition of the guarded part, whose result has a value where it does not run.
  private func openGuard(to out: inout CText) {
    guard let guarded = group.guarded else { preconditionFailure("a guarded part without a guard") }
    let type = dtype(guarded.choice)
    out.line("\(arrayElement(guarded.choice, "0")) = \(Expressions.splat(0, type));")
    out.line("if (fk_any(~\(arrayElement(guarded.condition, "0")))) {")
  }

  /// Few iterations become straight code, in which the compiler interleaves what does not depend on each
  /// other: a processor looks less far ahead than two evaluations of a function.
  private func write(_ segment: Segment, unrolled: Bool, to out: inout CText) {
    for line in segment.before { out.line(line) }
    let count = segment.shape.reduce(1, *)
    let isFew = segment.shape.count == 1 && count <= Self.few
    let isShort = count * segment.lines.count <= Self.mostLines
    let hint = unrolled ? (isFew || isShort ? "FK_UNROLL" : nil) : (isFew ? "FK_LOOP" : nil)
    open(segment, hint: hint, to: &out)
    if segment.shape.isEmpty { out.line("{") }
    writeLines(of: segment, to: &out)
    for _ in 0..<max(segment.shape.count, 1) { out.line("}") }
  }

  /// The loops over a segment's elements, and what each tells the compiler.
  private func open(_ segment: Segment, hint: String? = nil, to out: inout CText) {
    for (axis, extent) in segment.shape.enumerated() {
      if let hint { out.line(hint) }
      out.line(
        segment.reversed == axis
          ? "for (int j\(axis) = \(extent - 1); j\(axis) >= 0; j\(axis)--) {"
          : "for (int j\(axis) = 0; j\(axis) < \(extent); j\(axis)++) {")
    }
  }

  private func writeLines(of segment: Segment, to out: inout CText) {
    for line in segment.lines {
      switch line {
      case .raw(let text): out.line(text)
      case .define(let value, let index, let expression):
        out.line("const \(Expressions.type(dtype(value))) v\(number(of: value)) = \(expression);")
        if arrays.contains(value) {
          out.line("\(arrayElement(value, index)) = v\(number(of: value));")
        }
      }
    }
  }
}
