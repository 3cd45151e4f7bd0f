import FlowIR

/// Where long groups end, so that those which begin alike are the same and share their code.
///
/// The spline of each transform is such a group, a thousand instructions long. What other operations of few
/// instructions would join one of them, such as the base's density the last, makes it a function of its own, for
/// which the compiler takes as long as for all else.
enum SharedGroups {
  /// The shapes of groups that take no more operations.
  ///
  /// A long group ends after the most operations that another group begins with too, if little is left of every
  /// group that begins with them.
  static func ends(_ groups: [GroupBuilder], _ views: Views) -> Set<Int> {
    var sharing: [Int: [Bool]] = [:]
    for group in groups where group.isLong {
      for (index, prefix) in group.prefixes.enumerated() where group.isLong(prefix.cost) {
        sharing[prefix.shape, default: []].append(isMost(index + 1, of: group, views))
      }
    }
    func isShared(_ shape: Int) -> Bool {
      guard let all = sharing[shape] else { return false }
      return all.count > 1 && all.allSatisfy { $0 }
    }
    return Set(groups.compactMap { $0.prefixes.last { isShared($0.shape) }?.shape })
  }

  /// Whether all but the first operations of a group are few instructions, which read few values of those.
  private static func isMost(_ count: Int, of group: GroupBuilder, _ views: Views) -> Bool {
    let (first, all) = (
      group.prefixes[count - 1].cost, group.prefixes[group.prefixes.count - 1].cost
    )
    guard (all.instructions - first.instructions) * leastShare <= all.instructions else {
      return false
    }
    let made = Set(group.operations.prefix(count).flatMap(\.results))
    let read = group.operations.dropFirst(count).flatMap(\.operands).flatMap { operand in
      views.elements(of: operand).compactMap(\.source)
    }
    return made.intersection(read).count <= mostPassed
  }

  /// What is left of a group is at most this part of it.
  private static let leastShare = 8
  /// The most values that what is left reads from memory.
  private static let mostPassed = 4
}
