/// How the steps of an ODE's solution are chosen.
public struct ODEControl: Hashable, Sendable {
  /// The absolute error that a step may make in each element of the state.
  public var atol: Double
  /// The error that a step may make relative to each element of the state.
  public var rtol: Double
  /// The largest number of steps to try; a row that has not reached the end by then is NaN.
  public var steps: Int

  /// The largest number of steps that can be asked for.
  public static let maximumSteps = 1 << 20

  /// Makes the choice; the defaults are Zuko's tolerances.
  public init(atol: Double = 1e-6, rtol: Double = 1e-5, steps: Int = 1024) {
    self.atol = atol
    self.rtol = rtol
    self.steps = steps
  }
}

/// The coefficients of Dormand and Prince's method of order 5 with an embedded one of order 4
/// ("A family of embedded Runge–Kutta formulae", J. Comput. Appl. Math. 6, 1980).
///
/// The seventh stage is evaluated at the end of the step, so it is also the first of the next step.
public enum DormandPrince {
  /// Where in the step each stage is evaluated.
  public static let nodes: [Double] = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1]
  /// The weights of earlier stages in each stage's state; the last row is the solution.
  public static let weights: [[Double]] = [
    [],
    [1 / 5],
    [3 / 40, 9 / 40],
    [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
    [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
  ]
  /// The weights of the stages in the difference between the solutions of order 5 and 4.
  public static let errors: [Double] = [
    71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40,
  ]
}
