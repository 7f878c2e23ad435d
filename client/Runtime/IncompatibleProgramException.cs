namespace Delos.Runtime;

/// <summary>The log holds something that only a newer program understands. Nothing is wrong with it: this replica must be upgraded, and the entry must not be touched.</summary>
public sealed class IncompatibleProgramException(string what) : Exception($"{what}. Upgrade this replica's program.");
