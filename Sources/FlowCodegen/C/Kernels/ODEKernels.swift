/// `fk_ode.h`, `fk_ode_group.h` and `fk_ode_record.h`: the steps of an ordinary differential equation; `c` is the control block.
extension KernelCall {
  static func odeBegin(c: String, t0: String, t1: String) -> KernelCall {
    KernelCall("fk_ode_begin", ["c": c, "t0": t0, "t1": t1])
  }

  /// The time of a stage.
  static func odeTime(c: String, t: String) -> KernelCall {
    KernelCall("fk_ode_time", ["c": c, "stage": CVariable.stage, "t": t])
  }

  /// The state at a stage.
  static func odePoint(c: String, n: Int, x: String, k: String, y: String) -> KernelCall {
    KernelCall(
      "fk_ode_point", ["c": c, "stage": CVariable.stage, "n": n, "x": x, "k": k, "y": y])
  }

  /// Notes rows whose derivative is not a number, and how large states and derivatives are.
  static func odeCheck(
    c: String, n: Int, x: String, k: String, atol: String, rtol: String
  ) -> KernelCall {
    KernelCall(
      "fk_ode_check", ["c": c, "n": n, "x": x, "k": k, "atol": atol, "rtol": rtol])
  }

  /// Where the derivatives are evaluated for the second time.
  static func odeProbe(c: String) -> KernelCall { KernelCall("fk_ode_probe", ["c": c]) }

  /// How much a state's derivatives change until the probe.
  static func odeChange(
    c: String, n: Int, x: String, k: String, atol: String, rtol: String
  ) -> KernelCall {
    KernelCall(
      "fk_ode_change", ["c": c, "n": n, "x": x, "k": k, "atol": atol, "rtol": rtol])
  }

  /// The size of the first step.
  static func odeGuess(c: String) -> KernelCall { KernelCall("fk_ode_guess", ["c": c]) }

  static func odeError(
    c: String, n: Int, x: String, k: String, y: String, atol: String, rtol: String
  ) -> KernelCall {
    KernelCall(
      "fk_ode_error", ["c": c, "n": n, "x": x, "k": k, "y": y, "atol": atol, "rtol": rtol])
  }

  static func odeRecord(c: String, width: Int, record: String) -> KernelCall {
    KernelCall("fk_ode_record", ["c": c, "width": width, "record": record])
  }

  /// Moves the rows whose step is accepted.
  static func odeMove(
    c: String, n: Int, x: String, k: String, y: String, width: Int, record: String
  ) -> KernelCall {
    KernelCall(
      "fk_ode_move",
      ["c": c, "n": n, "x": x, "k": k, "y": y, "width": width, "record": record])
  }

  /// The next step size; false once all rows are done.
  static func odeNext(c: String, most: Int) -> KernelCall {
    KernelCall("fk_ode_next", ["c": c, "most": most])
  }

  /// How many rows are on their way.
  static func odeMoving(c: String) -> KernelCall { KernelCall("fk_ode_moving", ["c": c]) }

  /// Saves what a tile of a group has before its rows take their steps.
  static func odeSave(g: String, tile: String) -> KernelCall {
    KernelCall("fk_ode_save", ["g": g, "tile": tile])
  }

  /// Gives a tile back what was saved, with its solutions.
  static func odeRestore(g: String, tile: String) -> KernelCall {
    KernelCall("fk_ode_restore", ["g": g, "tile": tile])
  }

  /// All lanes are free, and all rows are to come.
  static func odeOpen(g: String) -> KernelCall { KernelCall("fk_ode_open", ["g": g]) }

  /// Rows that are done leave and others come; how many there are.
  static func odeSeat(g: String) -> KernelCall { KernelCall("fk_ode_seat", ["g": g]) }

  /// How many steps the slowest row took.
  static func odeEnd(c: String) -> KernelCall { KernelCall("fk_ode_end", ["c": c]) }

  /// Records steps of length zero for rows that were done early.
  static func odePause(c: String, steps: String, width: Int, record: String) -> KernelCall {
    KernelCall("fk_ode_pause", ["c": c, "steps": steps, "width": width, "record": record])
  }

  static func odeRest(
    c: String, n: Int, x: String, steps: String, width: Int, record: String
  ) -> KernelCall {
    KernelCall(
      "fk_ode_rest",
      ["c": c, "n": n, "x": x, "steps": steps, "width": width, "record": record])
  }

  /// Time and size of a recorded step.
  static func odeRecall(c: String, record: String) -> KernelCall {
    KernelCall("fk_ode_recall", ["c": c, "record": record])
  }

  /// The cotangent of a stage's derivative.
  static func odeCotangent(c: String, n: Int, y: String, h: String, g: String) -> KernelCall {
    KernelCall(
      "fk_ode_cotangent", ["c": c, "stage": CVariable.stage, "n": n, "y": y, "h": h, "g": g])
  }

  /// The cotangent of the state before a step.
  static func odePull(c: String, n: Int, h: String, y: String) -> KernelCall {
    KernelCall("fk_ode_pull", ["c": c, "n": n, "h": h, "y": y])
  }

  /// Adds a part where rows are not done.
  static func odeAdd(c: String, n: Int, part: String, sum: String) -> KernelCall {
    KernelCall("fk_ode_add", ["c": c, "n": n, "part": part, "sum": sum])
  }
}
