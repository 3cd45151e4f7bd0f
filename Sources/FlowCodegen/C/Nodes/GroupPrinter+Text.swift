import FlowIR

extension GroupPrinter {
  /// The body of the function, from the loop over items on.
  func body() -> String {
    var out = CText()
    out.line("for (int item = begin; item < end; item++) {")
    out.line("const int d = items ? items[item] : item;")
    out.line("(void)d;")
    out.line("for (int v = 0; v < width; v += FK_LANES) {")
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

  func write(_ segment: Segment, to out: inout CText) {
    for line in segment.before { out.line(line) }
    for (axis, extent) in segment.shape.enumerated() {
      out.line(
        segment.reversed == axis
          ? "for (int j\(axis) = \(extent - 1); j\(axis) >= 0; j\(axis)--) {"
          : "for (int j\(axis) = 0; j\(axis) < \(extent); j\(axis)++) {")
    }
    if segment.shape.isEmpty { out.line("{") }
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
    for _ in segment.shape { out.line("}") }
    if segment.shape.isEmpty { out.line("}") }
  }
}
