/// An error in building, describing, loading, calling or training a flow. The cases carry where it
/// happened, what was found and what was expected.
public enum FlowError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No output of an adjacency matrix depends on any input.
  case nullJacobian(place: String)
  /// The graph of an adjacency matrix has a cycle.
  case cyclicAdjacency(place: String)
  /// A value is outside the range or of the wrong kind or size.
  case invalid(place: String, found: String, expected: String)
  /// The description names an unknown class.
  case unknownType(place: String, found: String, known: [String])
  /// The description names an unknown release of Zuko.
  case unknownRelease(place: String, found: String)
  /// The described release of Zuko lacks a class or argument, or gives it another meaning.
  case notInRelease(place: String, name: String, since: ZukoRelease, release: ZukoRelease)
  /// The description has a key that the class does not take.
  case unknownArgument(place: String, known: [String])
  /// The file does not describe its flow.
  case noDescription(path: String)
  /// A tensor that the description asks for is not in the file.
  case missingTensor(name: String, expected: String)
  /// A tensor has the name that an older release of Zuko gave it.
  case olderName(name: String, expected: String)
  /// A tensor has the wrong shape or dtype.
  case wrongTensor(name: String, found: String, expected: String)
  /// The file has a tensor that no part of the flow uses.
  case unusedTensor(name: String)
  /// The model would exceed the limit on elements.
  case tooLarge(name: String, elements: Int, limit: Int)
  /// The loss of a batch is NaN, and so are the parameters after it.
  case diverged(epoch: Int, batch: Int)

  /// What was wrong, where, and what to do, in one line.
  public var description: String {
    switch self {
    case .nullJacobian(let place):
      "\(place): the adjacency matrix leads to a null Jacobian; let some output see some input"
    case .cyclicAdjacency(let place):
      "\(place): the adjacency matrix contains a cycle; order the features so that none remains"
    case .invalid(let place, let found, let expected):
      "\(place): found \(found), expected \(expected)"
    case .unknownType(let place, let found, let known):
      "\(place): unknown type '\(found)', expected one of \(known.joined(separator: ", "))"
    case .unknownRelease(let place, let found):
      "\(place): found \(found), expected the version of a release of Zuko that is known here: "
        + ZukoRelease.known.map(\.description).joined(separator: ", ")
    case .notInRelease(let place, let name, let since, let release):
      "\(place): '\(name)' needs Zuko \(since) or later, but the description says \(release)"
    case .unknownArgument(let place, let known):
      "\(place): unknown argument, expected one of \(known.joined(separator: ", "))"
    case .noDescription(let path):
      "\(path): has no 'flowir.flow' in its metadata, so the architecture is not known; save it "
        + "with metadata={\"flowir.flow\": …}, or load it by the closure that built it"
    case .missingTensor(let name, let expected):
      "tensor '\(name)' is missing, expected \(expected)"
    case .olderName(let name, let expected):
      "tensor '\(expected)' is missing, but '\(name)' is there, as before Zuko 1.6; state the "
        + "release that wrote it in the description, such as \"zuko\": \"1.5.0\""
    case .wrongTensor(let name, let found, let expected):
      "tensor '\(name)' is \(found), expected \(expected)"
    case .unusedTensor(let name):
      "tensor '\(name)' is used by no part of the flow; remove it or correct the description"
    case .tooLarge(let name, let elements, let limit):
      "\(name): found \(elements == .max ? "too many" : "\(elements)") elements in the model so far, "
        + "expected at most \(limit); make its layers or numbers smaller"
    case .diverged(let epoch, let batch):
      "the loss became NaN in batch \(batch) of epoch \(epoch); look for rows that are not finite or "
        + "far from the others, lower the learning rate, or limit the gradient's norm"
    }
  }
}
