namespace Delos.Protocol.Connections;

/// <summary>A source of work that can be held back. Both calls return at once, and may come from any thread; each pause is followed by one resume before the next.</summary>
public interface IPausable
{
    void PauseReading();

    void ResumeReading();
}
