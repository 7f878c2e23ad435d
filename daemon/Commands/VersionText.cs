using System.Globalization;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary>Versions of rows, and positions among the changes, as they are written on the command line: as they are printed.</summary>
internal static class VersionText
{
    /// <summary>A row's version: <c>POSITION.INDEX</c>, or <c>none</c>, which is that of a row that is not there.</summary>
    /// <exception cref="CommandException">It is none.</exception>
    public static RowVersion Parse(string text) => TryParse(text) ?? throw new CommandException(ExitCode.Usage, $"'{text}' is no version; they look like 12.0, or none");

    /// <summary>After which changes come: a version, <c>POSITION</c> alone for all commands of that entry, or <c>start</c> for what is before all.</summary>
    /// <exception cref="CommandException">It is none of these.</exception>
    public static RowVersion ParsePosition(string option, string text)
    {
        if (text == "start") return RowVersion.None;
        if (TryParse(text) is { } version) return version;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var position)) return new RowVersion(position, int.MaxValue);
        throw new CommandException(ExitCode.Usage, $"{option}: '{text}' is no version; write POSITION.INDEX, POSITION, or start");
    }

    private static RowVersion? TryParse(string text)
    {
        if (text == RowVersion.None.ToString()) return RowVersion.None;
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && long.TryParse(text.AsSpan(0, dot), NumberStyles.None, CultureInfo.InvariantCulture, out var position) && int.TryParse(text.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? new RowVersion(position, index)
            : null;
    }
}
