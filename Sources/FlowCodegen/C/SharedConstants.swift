/// Constants that lowering and the C kernels must agree on, checked when the C is compiled.
package enum SharedConstants {
  /// What is checked, as an expression in C, and what went wrong if it is false, by the header that it is about.
  private static let checks: [String: [(condition: String, message: String)]] = [
    "fk_pack.h": [
      ("FK_PANEL_ROWS == \(PanelLayout.maximumRows)", "outputs in a panel"),
      ("sizeof(fk_panel) == 6 * sizeof(int32_t)", "numbers that describe a panel"),
    ],
    "fk_driver.h": [
      ("sizeof(fk_run) == 4 * sizeof(int32_t)", "numbers that describe a run of entries"),
      ("FK_LINE == \(Storage.alignment)", "numbers in a cache line"),
    ],
    "fk_ode.h": [
      ("FK_ODE_CONTROL == \(ODESolveNode.controlElements)", "elements of an ODE's control block"),
      (
        "sizeof(fk_ode_node) == \(ODESolveNode.stages) * sizeof(fk_real)",
        "stages of a step of an ODE"
      ),
    ],
    "fk_ode_group.h": [("FK_ODE_GROUP == \(ODEGroup.tiles)", "tiles that are solved together")],
    "fk_weight_gradient.h": [
      (
        "\(WeightGradientNode.lanes) % FK_LANES == 0", "whole vectors in a weight gradient's rows"
      )
    ],
  ]

  /// The checks of a header in C.
  package static func assertions(of header: String) -> String {
    checks[header, default: []].map {
      "_Static_assert(\($0.condition), \"\($0.message)\");\n"
    }.joined()
  }
}
