import Testing

@testable import Flows

/// The parts of a description that other libraries have and Zuko does not, made anew.
@Suite("parts of other libraries") struct OtherPartsTests {
  @Test(
    "what is wrong in a part is named with its place, what was found and what is expected",
    arguments: [
      (
        #"{"type": "MaskedAutoregressiveTransform", "features": 3, "network": {"type": "MAD"}}"#,
        "transform[0].network.type: unknown type 'MAD', expected one of MaskedMLP, MADE"
      ),
      (
        #"{"type": "GeneralCouplingTransform", "features": 3, "network": {"type": "MADE"}}"#,
        "transform[0].network.type: unknown type 'MADE', expected one of MLP, ResidualNet"
      ),
      (
        """
        {"type": "MaskedAutoregressiveTransform", "features": 3, "network": {"type": "MADE"},
         "hidden_features": [4]}
        """,
        "transform[0].hidden_features: unknown argument, expected one of features"
      ),
      (
        """
        {"type": "MaskedAutoregressiveTransform", "features": 3,
         "network": {"type": "MADE", "hidden_features": [4]}}
        """,
        "transform[0].network.hidden_features: found [4], expected an integer of 1 to 100000"
      ),
      (
        """
        {"type": "MaskedAutoregressiveTransform", "features": 3, "shapes": [[4], [4], [5]],
         "univariate": {"type": "RationalQuadraticSpline"}}
        """,
        "transform[0].shapes: found [[4], [4], [5]], expected [[4], [4], [3]]"
      ),
      (
        """
        {"type": "MaskedAutoregressiveTransform", "features": 3, "shapes": [[4], [4], [3]],
         "univariate": {"type": "RationalQuadraticSpline", "min_bin_width": 0.25}}
        """,
        "min_bin_width: found 0.25, expected a share of less than 1 / 4"
      ),
      (
        """
        {"type": "MaskedAutoregressiveTransform", "features": 3, "shapes": [[4], [4], [3]],
         "univariate": {"type": "RationalQuadraticSpline", "free_ends": true}}
        """,
        "transform[0].shapes: found [[4], [4], [3]], expected [[4], [4], [5]]"
      ),
      (
        """
        {"type": "GeneralCouplingTransform", "features": 3, "shapes": [[4], [5]],
         "univariate": {"type": "PiecewiseQuadraticSpline"}}
        """,
        "transform[0].shapes: found [[4], [5]], expected [[4], [3]] for PiecewiseQuadraticSpline"
      ),
      (
        """
        {"type": "GeneralCouplingTransform", "features": 3, "shapes": [[4], [4], [], []],
         "univariate": {"type": "PiecewiseCubicSpline", "min_bin_height": 0.25}}
        """,
        "min_bin_height: found 0.25, expected a share of less than 1 / 4"
      ),
      (
        """
        {"type": "MaskedAutoregressiveTransform", "features": 3,
         "network": {"type": "MADE", "periodic": [0, 3]}}
        """,
        "transform[0].network.periodic: found [0, 3], expected indices below 3, each once"
      ),
      (
        #"{"type": "BlockAutoregressiveTransform", "features": 3, "slope": 0}"#,
        "transform[0].slope: found 0.0, expected a positive number"
      ),
      (
        #"{"type": "UnconditionalTransform", "f": {"type": "LogTanhTransform", "cut": -1}}"#,
        "transform[0].f.cut: found -1.0, expected a positive number"
      ),
      (
        #"{"type": "FreeElementWiseTransform", "features": 3, "mask": [1, 1, 1]}"#,
        "transform.transforms.0.mask: found 3 of 3 entries set, expected 3 entries, some not set"
      ),
    ])
  func errors(part: String, message: String) {
    let text = """
      {"type": "Flow", "features": 3, "transform": [\(part)],
       "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}}}
      """
    let error = #expect(throws: FlowError.self) { try Model(FlowDescription(text: text)) }
    #expect(
      error.map { "\($0)".contains(message) } == true,
      "\(error.map(String.init(describing:)) ?? "")")
  }
}
