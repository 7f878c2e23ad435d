using System.Diagnostics;
using System.Globalization;

namespace Delos.Daemon.Commands;

/// <summary>Says on standard error how far something is: on a terminal in one line that is written over, else every ten seconds. Not thread-safe.</summary>
/// <param name="error">Standard error.</param>
/// <param name="unit">What is counted.</param>
internal sealed class ProgressLine(TextWriter error, string unit = "rows")
{
    private readonly bool _isTerminal = ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected;
    private readonly long _begun = Stopwatch.GetTimestamp();
    private long _said = Stopwatch.GetTimestamp();
    private bool _isOpen;

    /// <param name="done">Since it began, in units.</param>
    /// <param name="fraction">Of all; below 0: not known.</param>
    public void Say(long done, double fraction)
    {
        if (Stopwatch.GetElapsedTime(_said) < (_isTerminal ? TimeSpan.FromMilliseconds(200) : TimeSpan.FromSeconds(10))) return;
        _said = Stopwatch.GetTimestamp();
        var elapsed = Stopwatch.GetElapsedTime(_begun);
        var left = fraction is > 0.001 and < 1 ? $", {TimeSpan.FromSeconds(elapsed.TotalSeconds * (1 - fraction) / fraction):h\\:mm\\:ss} left" : "";
        var part = fraction >= 0 ? string.Create(CultureInfo.InvariantCulture, $", {fraction:P0}") : "";
        var text = string.Create(CultureInfo.InvariantCulture, $"{done} {unit}{part}, {done / elapsed.TotalSeconds:F0}/s{left}");
        if (_isTerminal) error.Write($"\r{text}\e[K");
        else error.WriteLine(text);
        _isOpen = _isTerminal;
    }

    /// <summary>Other output follows.</summary>
    public void End()
    {
        if (_isOpen) error.WriteLine();
        _isOpen = false;
    }
}
