import FlowFiles

extension Architecture {
  /// The flows of an ensemble.
  public struct Members: Hashable, Sendable, ArgumentGroup {
    /// The flows, all of the same numbers of features and context features.
    public var members: [FlowDescription]

    /// Makes arguments.
    public init(members: [FlowDescription] = []) { self.members = members }

    mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError) {
      // That there are none is said when it is built, as with the parts of a custom flow.
      try visitor.flows("members", &members, in: 0...SizeLimit.members)
    }
  }
}

extension Architecture.Members {
  /// A flow without transforms over the mixture of the members.
  func flow(_ site: BuildSite) throws(FlowError) -> Flow {
    guard !members.isEmpty else {
      throw .invalid(place: "members", found: "no flow", expected: "1 or more")
    }
    var built: [Flow] = []
    for (index, member) in members.enumerated() {
      let place = "members[\(index)]"
      guard member.features == site.features else {
        throw .invalid(
          place: place + ".features", found: "\(member.features)",
          expected: "\(site.features), as the ensemble")
      }
      guard member.context == site.context else {
        throw .invalid(
          place: place + ".context", found: "\(member.context)",
          expected: "\(site.context), as the ensemble's members are given")
      }
      let scope = Self.scope(index, in: site.scope)
      do {
        built.append(try member.build(in: scope))
      } catch {
        throw error.within(place)
      }
    }
    return Flow(
      transform: LazyComposedTransform([]), base: FlowMixture(built, in: site.scope))
  }

  /// Where the parameters of a member are.
  static func scope(_ index: Int, in scope: ModuleScope) -> ModuleScope {
    scope.child("members").child("\(index)")
  }
}
