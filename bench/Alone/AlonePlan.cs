namespace Delos.Bench.Alone;

/// <summary>How long and how often is measured.</summary>
/// <param name="Delosd">Path of the daemon.</param>
/// <param name="Rounds">How often each pair is compared; its two sides take turns.</param>
/// <param name="WarmUp">Load before each measurement.</param>
/// <param name="Duration">Of each measurement.</param>
/// <param name="Memory">Of the measurement of memory, which runs once.</param>
internal sealed record AlonePlan(string Delosd, int Rounds, TimeSpan WarmUp, TimeSpan Duration, TimeSpan Memory);
