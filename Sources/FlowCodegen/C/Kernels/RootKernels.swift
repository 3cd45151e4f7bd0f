/// `fk_root.h`: roots and quadrature.
extension KernelCall {
  static func rootStart(r: String, _ items: CItems) -> KernelCall {
    KernelCall(
      "fk_root_start",
      ["r": r, "begin": items.begin, "end": items.end, "items": items.items])
  }

  /// One step of the search; false once all lanes are done.
  static func rootStep(r: String, _ items: CItems) -> KernelCall {
    KernelCall(
      "fk_root_step",
      ["r": r, "begin": items.begin, "end": items.end, "items": items.items])
  }

  /// How many lanes are still on their way.
  static func rootOpen(r: String, _ items: CItems) -> KernelCall {
    KernelCall(
      "fk_root_open",
      ["r": r, "begin": items.begin, "end": items.end, "items": items.items])
  }

  /// A node of a quadrature rule, and its weight, between two limits.
  static func node(
    a: String, b: String, u: String, w: String, t: String, dt: String, _ items: CItems
  ) -> KernelCall {
    KernelCall(
      "fk_node",
      [
        "a": a, "b": b, "u": u, "w": w, "t": t, "dt": dt, "begin": items.begin,
        "end": items.end, "items": items.items,
      ])
  }

  static func accumulate(
    sums: String, values: String, first: String, _ items: CItems
  ) -> KernelCall {
    KernelCall(
      "fk_accumulate",
      [
        "sums": sums, "values": values, "first": first, "begin": items.begin, "end": items.end,
        "items": items.items,
      ])
  }
}
