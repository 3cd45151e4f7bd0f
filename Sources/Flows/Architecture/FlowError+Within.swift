extension FlowError {
  /// The error of a part's description, as one of the whole's that has the part at a place.
  func within(_ whole: String) -> FlowError {
    func inside(_ place: String) -> String { DescriptionReader.join(whole, place) }
    switch self {
    case .nullJacobian(let place): return .nullJacobian(place: inside(place))
    case .cyclicAdjacency(let place): return .cyclicAdjacency(place: inside(place))
    case .invalid(let place, let found, let expected):
      return .invalid(place: inside(place), found: found, expected: expected)
    case .unknownType(let place, let found, let known):
      return .unknownType(place: inside(place), found: found, known: known)
    case .unknownRelease(let place, let found):
      return .unknownRelease(place: inside(place), found: found)
    case .notInRelease(let place, let name, let since, let release):
      return .notInRelease(place: inside(place), name: name, since: since, release: release)
    case .unknownArgument(let place, let known):
      return .unknownArgument(place: inside(place), known: known)
    // These name files or tensors, whose names say where they are.
    case .noDescription, .missingTensor, .olderName, .wrongTensor, .unusedTensor, .tooLarge,
      .diverged:
      return self
    }
  }
}
