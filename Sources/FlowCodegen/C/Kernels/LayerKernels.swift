/// `fk_pack.h`, `fk_gemm.h`, `fk_row.h`, `fk_weight_gradient.h` and the sums over slots of `fk_driver.h`.
extension KernelCall {
  /// The panels of a layer on a tile, by the kernel that was defined for its epilogue.
  static func layer(
    _ kernel: String, packed: String, panels: String, begin: String, end: String, x: String,
    y: String, extra: String
  ) -> KernelCall {
    KernelCall(
      kernel,
      [
        "width": CVariable.width, "packed": packed, "panels": panels, "begin": begin, "end": end,
        "x": x, "y": y, "extra": extra,
      ])
  }

  /// A thread's part of a layer's packed weights.
  static func pack(
    panels: String, count: Int, source: String, rows: String, columns: String,
    bias: (pointer: String, index: String)?, mask: (bits: String, columns: Int)?, packed: String
  ) -> KernelCall {
    KernelCall(
      "fk_pack",
      [
        "panels": panels, "count": count, "begin": CRange.begin, "end": CRange.end,
        "source": source, "rows": rows, "columns": columns,
        "bias": bias?.pointer ?? CVariable.none,
        "bias_index": bias?.index ?? CVariable.none, "mask": mask?.bits ?? CVariable.none,
        "mask_columns": mask?.columns ?? 0, "packed": packed,
      ])
  }

  /// The gradient of a weight matrix over a tile's rows.
  static func weightGradient(
    gy: String, x: String, inputs: Int, xt: String, stride: Int, blocks: String, count: Int,
    gw: String
  ) -> KernelCall {
    KernelCall(
      "fk_weight_gradient",
      [
        "gy": gy, "x": x, "inputs": inputs, "xt": xt, "stride": stride, "blocks": blocks,
        "count": count, "gw": gw, "accumulate": CVariable.accumulate,
      ])
  }

  /// A layer's input where a condition of the row holds, and zeros in other rows.
  static func chosenRows(condition: String, x: String, n: Int, target: String) -> KernelCall {
    KernelCall("fk_chosen_rows", ["condition": condition, "x": x, "n": n, "target": target])
  }

  /// Sums over rows, added up over the slots.
  static func combineSums(
    sums: String, stride: String, slots: String, target: String
  ) -> KernelCall {
    KernelCall(
      "fk_combine_sums",
      [
        "sums": sums, "stride": stride, "slots": slots, "begin": CRange.begin,
        "end": CRange.end, "target": target,
      ])
  }

  /// Elements of a weight gradient, added up over the slots.
  static func combine(
    slots: String, slotSize: String, count: String, stride: Int, inputs: Int, mask: String,
    rows: String, columns: String, target: String
  ) -> KernelCall {
    KernelCall(
      "fk_combine",
      [
        "slots": slots, "slot_size": slotSize, "count": count, "stride": stride,
        "inputs": inputs, "mask": mask, "rows": rows, "columns": columns,
        "begin": CRange.begin, "end": CRange.end, "target": target,
      ])
  }

  /// Entries of a weight gradient in a vector, added up over the slots.
  static func combineEntries(
    slots: String, slotSize: String, count: String, runs: String, runCount: Int, stride: Int,
    mask: String, inputs: Int, target: String
  ) -> KernelCall {
    KernelCall(
      "fk_combine_entries",
      [
        "slots": slots, "slot_size": slotSize, "count": count, "runs": runs,
        "run_count": runCount, "stride": stride, "mask": mask, "inputs": inputs,
        "begin": CRange.begin, "end": CRange.end, "target": target,
      ])
  }
}
