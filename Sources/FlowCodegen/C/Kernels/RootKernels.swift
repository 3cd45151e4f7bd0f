/// `fk_root.h` and `fk_inverse.h`: roots and quadrature.
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

  /// One step for the elements of a list, in which those that are not done are left; gives how many.
  static func rootSteps(r: String, items: String, count: String) -> KernelCall {
    KernelCall("fk_root_steps", ["r": r, "items": items, "count": count])
  }

  /// How many lanes are still on their way.
  static func rootOpen(r: String, _ items: CItems) -> KernelCall {
    KernelCall(
      "fk_root_open",
      ["r": r, "begin": items.begin, "end": items.end, "items": items.items])
  }

  /// Narrows a search to one vector of rows once those that are not done fit in it.
  static func rootGather(
    r: String, _ items: CItems, s: String, spans: String, from: String, to: String, m: String
  ) -> KernelCall {
    KernelCall(
      "fk_root_gather",
      [
        "r": r, "begin": items.begin, "end": items.end, "items": items.items, "s": s,
        "spans": spans, "from": from, "to": to, "m": m,
      ])
  }

  /// Lets the rows that have traded places trade them again.
  static func rootTrade(s: String, spans: String, begin: String, end: String, m: String)
    -> KernelCall
  {
    KernelCall("fk_root_trade", ["s": s, "spans": spans, "begin": begin, "end": end, "m": m])
  }

  /// Moves the starts of searches to where a table of inverses has the roots.
  static func inverseStart(t: String, r: String, _ items: CItems) -> KernelCall {
    KernelCall(
      "fk_inverse_start",
      ["t": t, "r": r, "begin": items.begin, "end": items.end, "items": items.items])
  }

  /// The targets of a tile of a table's knots.
  static func inverseTargets(t: String, tile: String, target: String, n: Int) -> KernelCall {
    KernelCall("fk_inverse_targets", ["t": t, "tile": tile, "target": target, "n": n])
  }

  /// Puts the roots of a tile of knots into a table.
  static func inversePut(t: String, tile: String, r: String, n: Int) -> KernelCall {
    KernelCall("fk_inverse_put", ["t": t, "tile": tile, "r": r, "n": n])
  }

  /// A node of a quadrature rule, and its weight, between two limits.
  static func node(
    a: String, b: String, u: String, w: String, t: String, dt: String, _ items: CItems
  ) -> KernelCall {
    KernelCall(
      "fk_node",
      [
        "a": a, "b": b, "u": u, "w": w, "t": t, "dt": dt, "width": CVariable.width,
        "begin": items.begin,
        "end": items.end, "items": items.items,
      ])
  }

  /// Whether the integrals of all lanes are from a number to itself.
  static func noLength(a: String, b: String, _ items: CItems) -> KernelCall {
    KernelCall(
      "fk_no_length",
      [
        "a": a, "b": b, "width": CVariable.width, "begin": items.begin, "end": items.end,
        "items": items.items,
      ])
  }

  static func accumulate(
    sums: String, values: String, first: String, _ items: CItems
  ) -> KernelCall {
    KernelCall(
      "fk_accumulate",
      [
        "sums": sums, "values": values, "first": first, "width": CVariable.width,
        "begin": items.begin, "end": items.end,
        "items": items.items,
      ])
  }
}
