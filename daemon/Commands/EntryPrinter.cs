using System.Globalization;
using System.Text;
using Delos.Client;

namespace Delos.Daemon.Commands;

/// <summary>Prints entries of a log, one per line.</summary>
internal sealed class EntryPrinter(Output output, Stream raw, bool positions, bool base64) : IDisposable
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private readonly BufferedStream _raw = new(raw, 1 << 16);

    public void Print(LogEntry entry)
    {
        if (output.IsJson)
        {
            output.JsonObject(json =>
            {
                json.WriteNumber("position", entry.Position);
                json.WriteString("appendId", entry.AppendId.ToString());
                if (base64 || !TryText(entry.Payload.Span, out var text)) json.WriteString("base64", Convert.ToBase64String(entry.Payload.Span));
                else json.WriteString("text", text);
            });
            return;
        }

        // Raw bytes: an entry that is no text must come out as it went in.
        if (positions) _raw.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{entry.Position}\t")));
        if (base64) _raw.Write(Encoding.ASCII.GetBytes(Convert.ToBase64String(entry.Payload.Span)));
        else _raw.Write(entry.Payload.Span);
        _raw.WriteByte((byte)'\n');
    }

    public void Flush()
    {
        _raw.Flush();
        output.Writer.Flush();
    }

    public void Dispose()
    {
        Flush();
        _raw.Dispose();
    }

    private static bool TryText(ReadOnlySpan<byte> bytes, out string text)
    {
        try
        {
            text = Strict.GetString(bytes);
            return true;
        }
        catch (DecoderFallbackException)
        {
            text = "";
            return false;
        }
    }
}
