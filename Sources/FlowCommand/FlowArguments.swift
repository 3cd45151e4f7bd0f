import ArgumentParser
import FlowFiles
import Flows

/// A flow as flags describe it, as the JSON that a model file holds.
enum FlowArguments {
  /// The name of a kind of flow in its own spelling, whatever case it was given in.
  static func type(_ name: String) throws -> String {
    if let type = FlowDescription.types.first(where: { $0.lowercased() == name.lowercased() }) {
      return type
    }
    let near = FlowDescription.types.min { distance($0, name) < distance($1, name) }
    let hint = near.flatMap { distance($0, name) <= 2 ? "; did you mean \($0)?" : nil } ?? ""
    throw ValidationError(
      "--flow: unknown kind '\(name)'\(hint) Expected one of "
        + FlowDescription.types.joined(separator: ", "))
  }

  /// An argument given as KEY=VALUE, the value as JSON or a word.
  static func member(_ text: String) throws -> JSONValue.Member {
    let parts = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2 else {
      throw ValidationError("--set must be KEY=VALUE, such as bins=16: '\(text)'")
    }
    let value = (try? JSONValue.parse(parts[1].utf8)) ?? .string(String(parts[1]))
    return .init(parts[0].replacing("-", with: "_").description, value)
  }

  /// How many letters differ, in any case (Levenshtein's distance).
  private static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.lowercased()), Array(b.lowercased()))
    var row = Array(0...b.count)
    for i in a.indices {
      var diagonal = row[0]
      row[0] = i + 1
      for j in b.indices {
        let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (a[i] == b[j] ? 0 : 1))
        diagonal = row[j + 1]
        row[j + 1] = next
      }
    }
    return row[b.count]
  }
}
