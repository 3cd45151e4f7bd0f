import ArgumentParser
import FlowFiles
import Flows

/// The base of the flow that is trained.
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
