namespace Delos.Runtime;

/// <summary>
/// Which features the replicas of one log have committed to, through the log: a state machine takes a new course only from the position on at which its gate was raised, so that replicas of mixed versions never diverge. Immutable.
/// </summary>
public sealed class FeatureGates(IReadOnlyDictionary<string, int> levels)
{
    public static FeatureGates None { get; } = new(new Dictionary<string, int>());

    /// <summary>All gates that were ever raised.</summary>
    public IReadOnlyDictionary<string, int> Levels => levels;

    /// <summary>The level that a feature was raised to; 0: never.</summary>
    public int LevelOf(string feature) => levels.GetValueOrDefault(feature);

    /// <summary>The same with one gate more, or higher. Levels never fall.</summary>
    public FeatureGates Raise(string feature, int level) => level <= LevelOf(feature) ? this : new FeatureGates(new Dictionary<string, int>(levels) { [feature] = level });
}
