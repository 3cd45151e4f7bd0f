import FlowIR

extension GroupPrinter {
  /// The body of the function, from the loop over items on.
  func body() -> String {
    var out = CText()
    out.line("for (int item = begin; item < end; item++) {")
    out.line("const int d = items ? items[item] : item;")
    out.line("(void)d;")
    if let segment = contiguous {
      writeContiguously(segment, to: &out)
      return out.text
    }
    out.line(Self.vectors)
    for value in arrays.sorted(by: { number(of: $0) < number(of: $1) }) {
      let count = views.type(of: value).elementCount / group.extent
      let type = Expressions.type(dtype(value))
      out.line(
        count == 1 ? "\(type) a\(number(of: value));" : "\(type) a\(number(of: value))[\(count)];")
    }
    for declaration in declarations { out.line(declaration) }
    for segment in segments { write(segment, to: &out) }
    out.line("}")
    out.line("}")
    return out.text
  }

  /// The loop over the vectors of a tile.
  private static let vectors = "for (int v = 0; v < width; v += FK_LANES) {"

  /// The only segment of a group in which nothing passes from one element to another: its vectors are
  /// the innermost loop, so that it goes through memory in order. Other groups keep the vectors
  /// outside, and what their segments pass to each other in registers.
  private var contiguous: Segment? {
    guard let segment = segments.first, segments.count == 1, segment.before.isEmpty,
      arrays.isEmpty, declarations.isEmpty, !segment.shape.isEmpty
    else { return nil }
    return segment
  }

  private func writeContiguously(_ segment: Segment, to out: inout CText) {
    open(segment, to: &out)
    out.line(Self.vectors)
    writeLines(of: segment, to: &out)
    for _ in 0..<segment.shape.count + 2 { out.line("}") }
  }

  /// Few iterations become straight code, in which the compiler interleaves what does not depend on each
  /// other: a processor looks less far ahead than two evaluations of a function.
  private func write(_ segment: Segment, to out: inout CText) {
    for line in segment.before { out.line(line) }
    if segment.shape.count == 1, segment.shape[0] <= 8 { out.line("FK_UNROLL") }
    open(segment, to: &out)
    if segment.shape.isEmpty { out.line("{") }
    writeLines(of: segment, to: &out)
    for _ in 0..<max(segment.shape.count, 1) { out.line("}") }
  }

  /// The loops over a segment's elements.
  private func open(_ segment: Segment, to out: inout CText) {
    for (axis, extent) in segment.shape.enumerated() {
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
