/// Constants that lowering and the C kernels must agree on, checked when the C is compiled.
enum SharedConstants {
  /// What is checked, as an expression in C, and what went wrong if it is false.
  private static let checks: [(condition: String, message: String)] = [
    ("FK_PANEL_ROWS == \(PanelLayout.maximumRows)", "outputs in a panel"),
    ("sizeof(fk_panel) == 6 * sizeof(int32_t)", "numbers that describe a panel"),
    ("sizeof(fk_run) == 4 * sizeof(int32_t)", "numbers that describe a run of entries"),
    ("FK_ODE_CONTROL == \(ODESolveNode.controlElements)", "elements of an ODE's control block"),
    ("FK_ODE_GROUP == \(ODEGroup.tiles)", "tiles that are solved together"),
    (
      "sizeof(fk_ode_node) == \(ODESolveNode.stages) * sizeof(fk_real)",
      "stages of a step of an ODE"
    ),
    ("\(WeightGradientNode.lanes) % FK_LANES == 0", "whole vectors in a weight gradient's rows"),
    ("FK_LINE == \(Storage.alignment)", "numbers in a cache line"),
  ]

  /// The checks in C.
  static var assertions: String {
    checks.map { "_Static_assert(\($0.condition), \"\($0.message)\");\n" }.joined()
  }
}
