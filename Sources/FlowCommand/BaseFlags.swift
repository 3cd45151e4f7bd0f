import ArgumentParser
import FlowFiles
import Flows

/// The base of the flow that is trained, and what its features' tails pass through first.
struct BaseFlags: ParsableArguments {
  enum Base: String, ExpressibleByArgument, CaseIterable {
    case normal
    case studentT = "student-t"
    case logistic
    case laplace
  }

  @Option(
    help: ArgumentHelp(
      "The base in place of a normal one, for heavy tails: student-t, with degrees of freedom that are learnt "
        + "for each feature, logistic, or laplace."))
  var base: Base?

  enum Tails: String, ExpressibleByArgument, CaseIterable {
    case none
    case learnt
    case asinh
  }

  @Option(
    help: ArgumentHelp(
      "What makes heavy tails light before the flow: learnt, with a weight for the upper and one for the lower "
        + "tail of each feature, or asinh."))
  var tails: Tails?

  /// The description with these tails behind the transforms from bounds and units, which it has already.
  func tailed(_ given: FlowDescription) throws -> FlowDescription {
    let type: String? =
      switch tails {
      case .learnt: "TailTransform"
      case .asinh: "AsinhTransform"
      case .some(.none), nil: nil
      }
    guard let type else { return given }
    guard given.json["circular"] == nil else {
      throw ValidationError("--tails: the flow has features on a circle, which has no tails")
    }
    do {
      return try given.prefixed(
        by: .object([
          .init("type", .string("UnconditionalTransform")),
          .init("f", .object([.init("type", .string(type))])),
        ]))
    } catch {
      throw ValidationError("--tails: \(error)")
    }
  }

  /// The description with this base.
  func description(_ given: FlowDescription) throws -> FlowDescription {
    guard let base, case .object(var members) = given.json else { return given }
    if case .custom = given.architecture {
      throw ValidationError("--base: a flow of custom parts names its base in its description")
    }
    members.removeAll { $0.key == "base" }
    let name: String? =
      switch base {
      case .normal: nil
      case .studentT: "StudentT"
      case .logistic: "StandardLogistic"
      case .laplace: "StandardLaplace"
      }
    if let name {
      members.append(
        .init(
          "base",
          .object([
            .init("type", .string("UnconditionalDistribution")),
            .init("f", .object([.init("type", .string(name))])),
          ])))
    }
    do {
      return try FlowDescription(.object(members))
    } catch {
      throw ValidationError("--base: \(error)")
    }
  }
}
